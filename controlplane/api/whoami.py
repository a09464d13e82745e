from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.store.store import Kind
from homeport.schema.access_resources import WhoAmI as Answered


class WhoAmI:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/whoami", self.whoami, "access", "Who the token's owner is, and what it may do",
                  response=Answered, anyone="it says nothing about others"),
        ]  # fmt: skip

    async def whoami(self, call: Call) -> Answer:
        principal = call.principal
        token = self._store.get(Kind.ACCESS_TOKEN, principal.token_id)
        limit = principal.grants.limit
        return {
            "subject": str(principal.subject),
            "token_id": principal.token_id,
            "token_name": principal.name,
            "expires_at": token.spec.get("expires_at") if token else None,
            "roles": [{"role": each.role.value, "scope": str(each.scope)} for each in principal.grants.grants],
            "permissions": None if limit is None else sorted(limit),
            "models": None if principal.models is None else sorted(principal.models),
        }
