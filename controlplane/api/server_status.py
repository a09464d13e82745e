import asyncio
from collections.abc import Callable
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.alarms import alarms
from controlplane.store.store import Kind
from controlplane.views.views import REPLICA, Views
from homeport.schema.resources import Health, ServerStatus

_TAG = "server"


class Server:
    """Its uptime counts from when it is made."""

    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        self._dependencies = dependencies
        self._views = views
        self._started = dependencies.monotonic()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/status", self.status, _TAG, "What runs, in numbers", response=ServerStatus),
            Route("GET", "/healthz", self.healthz, _TAG, "Answers while the server does", response=Health, public=True),
        ]

    async def status(self, call: Call) -> Answer:
        dependencies = self._dependencies
        await self._views.refresh()
        return {
            "version": dependencies.version,
            "store_id": dependencies.store.store_id,
            "seq": dependencies.store.seq,
            "uptime_seconds": dependencies.monotonic() - self._started,
            "nodes": await self._count(Kind.NODE, lambda node: node["status"]["status"]),
            "deployments": await self._count(Kind.DEPLOYMENT, lambda deployment: deployment["status"]["phase"]),
            "replicas": await self._count(REPLICA, lambda replica: replica["status"]),
            "alarms": alarms(dependencies.store, dependencies.registry),
            "gateway_url": dependencies.urls.gateway,
            "api_url": dependencies.urls.api,
        }

    async def healthz(self, call: Call) -> Answer:
        return {"status": "ok"}

    async def _count(self, kind: str, state_of: Callable[[dict[str, Any]], str]) -> dict[str, int]:
        await asyncio.sleep(0)
        states = [state_of(item.object) for item in self._views.of(kind).items()]
        return {"ready": states.count("ready"), "total": len(states)}
