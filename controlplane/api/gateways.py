"""The gateway's workers: which there are, and how many there shall be."""

from collections.abc import Mapping
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route, in_organisation
from controlplane.auth.guard import Guard
from controlplane.fleet.gateway_size import GATEWAY, put_workers, workers_in
from controlplane.fleet.references import missing
from controlplane.store.store import Kind
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.gateway import Gateway, Gateways, GatewayScale

_TAG = "gateways"


class GatewayRoutes:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._workers = dependencies.gateway_workers
        self._url = dependencies.urls.gateway

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/gateways", self.show_all, _TAG, "Gateways and their workers", response=Gateways,
                  permission=Permission.SERVER_READ, at=in_organisation),
            Route("POST", "/gateways/{gateway}/scale", self.scale, _TAG,
                  "How many workers it shall have; requests go on meanwhile", body=GatewayScale, root="gateway",
                  response=Gateway, permission=Permission.SERVER_WRITE, at=self._at_item,
                  errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)),
        ]  # fmt: skip

    def _at_item(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        guard.must(permission, self._store, Kind.GATEWAY, path["gateway"])

    async def show_all(self, call: Call) -> Answer:
        return {"items": [self._shown()]}

    async def scale(self, call: Call) -> Answer:
        if call.path["gateway"] != GATEWAY:
            raise missing(Kind.GATEWAY, call.path["gateway"], [GATEWAY])
        if self._workers is None:
            raise HomeportError(
                ErrorCode.CONFLICT,
                "this gateway runs inside the control plane and has no workers",
                hint="start homeport-server without --gateway-inside",
            )
        wanted: GatewayScale = call.body
        await self._store.write(lambda tx: put_workers(tx, wanted.workers))
        return self._shown()

    def _shown(self) -> dict[str, Any]:
        inside = self._workers is None
        return {
            "id": GATEWAY,
            "url": self._url,
            "wanted_workers": 0 if inside else workers_in(self._store.get(Kind.GATEWAY, GATEWAY)),
            "workers": [] if self._workers is None else self._workers(),
        }
