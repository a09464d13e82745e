from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode
from homeport.schema.nodepool import JoinTokenSpec
from homeport.schema.resources import JoinToken, NewJoinToken

_TAG = "join tokens"


class JoinTokens:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._issuer = dependencies.join_tokens
        self._enroll = dependencies.urls.enroll
        self._install_command = dependencies.install_command

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/join-tokens", self.show_all, _TAG, "List join tokens", response=JoinToken, many=True),
            Route(
                "POST",
                "/join-tokens",
                self.create,
                _TAG,
                "Make a token that lets one host join a nodepool; it is shown this once",
                body=JoinTokenSpec,
                root="join_token",
                status=201,
                response=NewJoinToken,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND),
            ),
            Route(
                "DELETE",
                "/join-tokens/{token}",
                self.delete,
                _TAG,
                "Withdraw a join token",
                status=204,
                errors=(ErrorCode.NOT_FOUND,),
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        return listing(self._store, map(_view, self._store.all(Kind.JOIN_TOKEN)))

    async def create(self, call: Call) -> Answer:
        spec: JoinTokenSpec = call.body
        id, token = await self._store.write(lambda tx: self._issuer.create(tx, spec.nodepool.key, spec.ttl_seconds))
        command = f"homeport-agent join --server {self._enroll} --token {token}"
        return {
            **_view(find(self._store, Kind.JOIN_TOKEN, id)),
            "token": token,
            "command": command,
            "install_command": self._install_command(token),
        }

    async def delete(self, call: Call) -> None:
        id = call.path["token"]
        await delete(self._store, Kind.JOIN_TOKEN, id, lambda tx: tx.delete(Kind.JOIN_TOKEN, id))


def _view(record: Record) -> dict[str, Any]:
    """What may be shown: no secret, no hash."""
    spec = {key: record.spec[key] for key in ("nodepool", "expires_at")}
    return envelope(record, {key: record.status.get(key) for key in ("used_at", "node_id")}, spec)
