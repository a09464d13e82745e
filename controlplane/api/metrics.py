"""GET /metrics: for Prometheus and whatever else reads its text format."""

from ipaddress import ip_address

from aiohttp import web

from controlplane.api.callers import Callers
from controlplane.api.dependencies import ApiDependencies
from controlplane.audit.actor import recognised
from controlplane.auth.guard import Guard
from controlplane.fleet.alarms import alarms
from controlplane.metrics import fleet
from controlplane.metrics.page import page
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.core.access.scope import Place
from homeport.metrics.text import CONTENT_TYPE

# Who comes through a proxy on this host is not on this host.
_OF_PROXIES = frozenset({"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"})


class MetricsPage:
    """It names every deployment: one must be allowed to read the server everywhere."""

    def __init__(self, dependencies: ApiDependencies, views: Views, callers: Callers) -> None:
        self._dependencies = dependencies
        self._views = views
        self._callers = callers

    async def answer(self, request: web.Request) -> web.Response:
        dependencies = self._dependencies
        if not (dependencies.metrics_open and _is_from_here(request)):
            self._authorise(request)
        await self._views.refresh()
        counts = await fleet.count(self._views)
        counts.alarms.update(alarm["name"] for alarm in alarms(dependencies.store, dependencies.registry))
        body = await page(dependencies.metrics.facts(counts))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    def _authorise(self, request: web.Request) -> None:
        principal = self._callers.identify(request)
        recognised(str(principal.subject), principal.token_id)
        Guard(principal).must_hold(Permission.SERVER_READ, Place())


def _is_from_here(request: web.Request) -> bool:
    """It comes from this host and names it so: a page of another site may send a browser here under a name of its
    own."""
    if _OF_PROXIES & {name.title() for name in request.headers}:
        return False
    named = request.url.host or ""
    return _is_loopback(request.remote or "") and (named == "localhost" or _is_loopback(named))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
