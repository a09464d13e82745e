import asyncio
from collections.abc import Callable
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.lists import seen_items
from controlplane.api.routing import Answer, Call, Route, somewhere
from controlplane.auth.guard import Guard
from controlplane.auth.places import REPLICA
from controlplane.fleet.alarms import alarms
from controlplane.store.store import Kind
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.schema.resources import Health, ServerStatus

_TAG = "server"


class Server:
    """It counts what the caller may see; alarms are for those who see all of it. Uptime counts from when it is made."""

    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        self._dependencies = dependencies
        self._views = views
        self._started = dependencies.monotonic()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/status", self.status, _TAG, "What runs, in numbers", response=ServerStatus,
                  permission=Permission.SERVER_READ, at=somewhere),
            Route("GET", "/healthz", self.healthz, _TAG, "Answers while the server does", response=Health, public=True),
        ]  # fmt: skip

    async def status(self, call: Call) -> Answer:
        dependencies = self._dependencies
        await self._views.refresh()
        sees_all = call.principal.grants.holds_everywhere(Permission.SERVER_READ)
        return {
            "version": dependencies.version,
            "store_id": dependencies.store.store_id,
            "seq": dependencies.store.seq,
            "uptime_seconds": dependencies.monotonic() - self._started,
            "nodes": await self._count(call.guard, Kind.NODE, lambda node: node["status"]["status"]),
            "deployments": await self._count(call.guard, Kind.DEPLOYMENT, lambda each: each["status"]["phase"]),
            "replicas": await self._count(call.guard, REPLICA, lambda replica: replica["status"]),
            "alarms": alarms(dependencies.store, dependencies.registry) if sees_all else [],
            "gateway_url": dependencies.urls.gateway,
            "api_url": dependencies.urls.api,
        }

    async def healthz(self, call: Call) -> Answer:
        return {"status": "ok"}

    async def _count(self, guard: Guard, kind: str, state_of: Callable[[dict[str, Any]], str]) -> dict[str, int]:
        await asyncio.sleep(0)
        items = self._views.of(kind).items()
        states = [state_of(item.object) for item in seen_items(guard, self._dependencies.store, kind, items)]
        return {"ready": states.count("ready"), "total": len(states)}
