from controlplane.api.callers import Callers
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.auth.csrf import csrf_token_of
from controlplane.auth.login_sessions import SessionVia
from controlplane.store.store import Kind
from homeport.schema.access_resources import WhoAmI as Answered


class WhoAmI:
    def __init__(self, dependencies: ApiDependencies, callers: Callers) -> None:
        self._store = dependencies.store
        self._cookie = callers.cookie

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/whoami", self.whoami, "access", "Who the token's owner is, and what it may do",
                  response=Answered, anyone="it says nothing about others"),
        ]  # fmt: skip

    async def whoami(self, call: Call) -> Answer:
        principal = call.principal
        token = self._store.get(Kind.ACCESS_TOKEN, principal.token_id)
        limit = principal.grants.limit
        cookie = self._cookie.of(call.request) if principal.session == SessionVia.BROWSER else ""
        return {
            "subject": str(principal.subject),
            "token_id": principal.token_id,
            "token_name": principal.name,
            "expires_at": token.spec.get("expires_at") if token else None,
            "roles": [{"role": each.role.value, "scope": str(each.scope)} for each in principal.grants.grants],
            "permissions": None if limit is None else sorted(limit),
            "models": None if principal.models is None else sorted(principal.models),
            "session": principal.session or None,
            "csrf_token": csrf_token_of(cookie) if cookie else None,
        }
