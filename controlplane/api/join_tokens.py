from collections.abc import Mapping

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.lists import list_answer, seen_items
from controlplane.api.queries import JoinTokenQuery
from controlplane.api.routing import Answer, Call, Route, somewhere
from controlplane.auth.guard import Guard, hidden
from controlplane.auth.places import place_of
from controlplane.fleet.references import missing
from controlplane.store.store import Kind, Transaction
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode
from homeport.schema.nodepool import JoinTokenSpec
from homeport.schema.resources import JoinToken, NewJoinToken

_TAG = "join tokens"


class JoinTokens:
    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        self._views = views
        self._store = dependencies.store
        self._issuer = dependencies.join_tokens
        self._enroll = dependencies.urls.enroll
        self._install_command = dependencies.install_command

    def routes(self) -> list[Route]:
        return [
            Route(
                "GET",
                "/join-tokens",
                self.show_all,
                _TAG,
                "List join tokens",
                query=JoinTokenQuery,
                response=JoinToken,
                many=True,
                permission=Permission.JOIN_TOKENS_READ,
                at=somewhere,
            ),
            Route(
                "POST",
                "/join-tokens",
                self.create,
                _TAG,
                "Make a token that lets one host join a nodepool; it is shown this once",
                body=JoinTokenSpec,
                root="join_token",
                status=201,
                permission=Permission.JOIN_TOKENS_WRITE,
                at=somewhere,
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
                permission=Permission.JOIN_TOKENS_WRITE,
                at=self._at_item,
                errors=(ErrorCode.NOT_FOUND,),
            ),
        ]

    def _at_item(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        guard.must(permission, self._store, Kind.JOIN_TOKEN, path["token"])

    async def show_all(self, call: Call) -> Answer:
        await self._views.refresh()
        items = seen_items(call.guard, self._store, Kind.JOIN_TOKEN, self._views.of(Kind.JOIN_TOKEN).items())
        return await list_answer(items, call.query, self._views.seq)

    async def create(self, call: Call) -> Answer:
        spec: JoinTokenSpec = call.body
        nodepool = self._store.get(Kind.NODEPOOL, spec.nodepool.key)
        if nodepool is not None and not call.guard.seen(self._store, [nodepool]):
            raise hidden(Kind.NODEPOOL, nodepool.id, "join_token.nodepool")
        place = place_of(self._store, Kind.JOIN_TOKEN, "", {"nodepool": spec.nodepool.key})
        call.guard.must_hold(Permission.JOIN_TOKENS_WRITE, place)
        id, token = await self._store.write(lambda tx: self._issuer.create(tx, spec.nodepool.key, spec.ttl_seconds))
        record = self._store.get(Kind.JOIN_TOKEN, id)
        if record is None:
            raise missing(Kind.JOIN_TOKEN, id, ())
        command = f"homeport-agent join --server {self._enroll} --token {token}"
        return {
            **self._views.show(record),
            "token": token,
            "command": command,
            "install_command": self._install_command(token),
        }

    async def delete(self, call: Call) -> None:
        id = call.path["token"]

        def change(tx: Transaction) -> None:
            if tx.get(Kind.JOIN_TOKEN, id) is None:
                raise missing(Kind.JOIN_TOKEN, id, (each.id for each in tx.all(Kind.JOIN_TOKEN)))
            tx.delete(Kind.JOIN_TOKEN, id)

        await self._store.write(change)
