from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.overview import Overview
from homeport.schema.resources import Health, ServerStatus

_TAG = "server"


class Server:
    """Its uptime counts from when it is made."""

    def __init__(self, dependencies: ApiDependencies, overview: Overview) -> None:
        self._dependencies = dependencies
        self._overview = overview
        self._started = dependencies.monotonic()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/status", self.status, _TAG, "What runs, in numbers", response=ServerStatus),
            Route("GET", "/healthz", self.healthz, _TAG, "Answers while the server does", response=Health, public=True),
        ]

    async def status(self, call: Call) -> Answer:
        dependencies = self._dependencies
        return {
            "version": dependencies.version,
            "store_id": dependencies.store.store_id,
            "seq": dependencies.store.seq,
            "uptime_seconds": dependencies.monotonic() - self._started,
            **self._overview.totals(),
            "alarms": self._overview.alarms(),
            "gateway_url": dependencies.urls.gateway,
            "api_url": dependencies.urls.api,
        }

    async def healthz(self, call: Call) -> Answer:
        return {"status": "ok"}
