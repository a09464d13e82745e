"""The page of this agent's metrics, and a port for it where the host's administrator wants one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from agent.local_api.facts import AgentFacts
from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.errors import ProtocolError
from homeport.http1.exchange import Exchange
from homeport.http1.head import RequestHead
from homeport.http1.server import HttpServer
from homeport.http1.server_connection import ServerConnection
from homeport.target import listening_target

if TYPE_CHECKING:
    from agent.local_gateway.local_gateway import LocalGateway

log = structlog.get_logger()

_PLAIN = b"content-type: text/plain; charset=utf-8\r\n"


class MetricsPage:
    """`facts` are gathered anew for each page. The numbers of `gateway`, which is this node's own, stand behind."""

    def __init__(self, facts: Callable[[], AgentFacts], gateway: "LocalGateway | None") -> None:
        self._facts = facts
        self._gateway = gateway

    def text(self) -> bytes:
        # Takes 1 MB: loaded only where somebody asks for metrics.
        from prometheus_client import ProcessCollector

        from agent.local_api.agent_metrics import agent_metrics
        from homeport.metrics.text import page_of

        families = [*agent_metrics(self._facts()), *ProcessCollector(registry=None).collect()]
        if self._gateway is not None:
            families += self._gateway.metrics()
        return page_of(families)


class MetricsPort:
    """`listen` is host:port; empty = there is none. Plain HTTP without a token: the page names deployments and GPUs."""

    def __init__(self, listen: str, page: MetricsPage) -> None:
        # The one that it listens at; 0 = none.
        self.port = 0
        self._listen = listen
        self._page = page
        self._server = HttpServer(self._exchange, _refused)

    async def start(self) -> None:
        """Raises HomeportError when the port is taken."""
        if not self._listen:
            return
        host, port = listening_target(self._listen)
        try:
            self.port = await self._server.start(host, port)
        except OSError as error:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"metrics: cannot listen on {self._listen}: {error.strerror or error}",
                hint="is it taken? choose another: metrics in the policy file, or --metrics HOST:PORT",
            ) from None
        log.info("metrics", host=host, port=self.port)

    async def close(self) -> None:
        await self._server.close(0.0)

    def _exchange(self, connection: ServerConnection, head: RequestHead, length: int) -> Exchange:
        return _Asked(connection, head, length, self._page)


class _Asked(Exchange):
    __slots__ = ("_page",)

    def __init__(self, connection: ServerConnection, head: RequestHead, length: int, page: MetricsPage) -> None:
        super().__init__(connection, head, length)
        self._page = page

    def on_request(self) -> None:
        if self.head.path != b"/metrics":
            self.answer(404, _PLAIN, b"there is /metrics\n")
        elif self.head.method not in (b"GET", b"HEAD"):
            self.answer(405, _PLAIN + b"allow: GET, HEAD\r\n", b"GET it\n")
        else:
            from homeport.metrics.text import CONTENT_TYPE

            self.answer(200, b"content-type: %b\r\n" % CONTENT_TYPE.encode(), self._page.text())


def _refused(error: ProtocolError) -> tuple[bytes, bytes]:
    return _PLAIN, f"{error}\n".encode()
