"""The gateway's tunnel port: nodes dial it, each with its certificate."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http2.call import ServerCall
from homeport.http2.server import GrpcServer
from homeport.http2.status import PERMISSION_DENIED, UNAUTHENTICATED, Status
from homeport.identity import certificate_node_id
from homeport.tunnel.carrier import ATTACH, EPOCH, WORKER_ID, WORKER_IDS, Carrier
from homeport.tunnel.link import Link

log = structlog.get_logger()


class LinkListener(Protocol):
    """Who uses the tunnels."""

    def on_attach(self, link: Link) -> None: ...

    def on_detach(self, link: Link) -> None: ...


class TunnelServer:
    """`admit(node_id, epoch)` decides whether a node may attach; `worker_ids` lists all live gateway workers."""

    def __init__(
        self,
        admit: Callable[[str, int], bool],
        worker_id: str = "gateway-0",
        worker_ids: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._admit = admit
        self._worker_id = worker_id
        self._worker_ids = worker_ids or (lambda: [worker_id])
        self._server: GrpcServer | None = None
        self._links: set[Link] = set()
        self.listener: LinkListener | None = None

    async def start(self, address: str, tls: ssl.SSLContext) -> int:
        """Returns the port. Raises HomeportError(UNAVAILABLE) when it cannot be had."""
        host, _, port = address.rpartition(":")
        server = GrpcServer({ATTACH: self._attach})
        try:
            bound = await server.start(host.removeprefix("[").removesuffix("]"), int(port), tls)
        except OSError as error:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"cannot listen on {address}: {error.strerror or error}",
                hint="is it taken? choose another with --tunnel-port",
            ) from error
        self._server = server
        return bound

    async def close(self, grace_seconds: float) -> None:
        """Tells the agents to take their new requests elsewhere, then waits for what is in flight."""
        if self._server is None:
            return
        for link in self._links:
            link.send_go_away()
        loop = asyncio.get_running_loop()
        end = loop.time() + grace_seconds
        while any(link.streams for link in self._links) and loop.time() < end:  # noqa: ASYNC110 - a rare, short wait
            await asyncio.sleep(0.02)
        await self._server.close()

    def _attach(self, call: ServerCall) -> None:
        node_id = certificate_node_id(call.endpoint.peer_certificate)
        epoch = _epoch(call)
        if node_id is None:
            call.end(Status(UNAUTHENTICATED, "the certificate names no node"))
            return
        if not self._admit(node_id, epoch):
            call.end(Status(PERMISSION_DENIED, f"epoch {epoch} is not this node's session"))
            return

        def on_closed(reason: str) -> None:
            self._links.discard(link)
            if self.listener is not None:
                self.listener.on_detach(link)
            log.info("tunnel detached", node=node_id, epoch=epoch, reason=reason)

        carrier = Carrier(on_closed, node_id)
        carrier.call = call
        link = carrier.link
        worker_ids = ",".join(self._worker_ids())
        call.accept([(WORKER_ID, self._worker_id.encode()), (WORKER_IDS, worker_ids.encode())], carrier)
        self._links.add(link)
        if self.listener is not None:
            self.listener.on_attach(link)
        log.info("tunnel attached", node=node_id, epoch=epoch)


def _epoch(call: ServerCall) -> int:
    given = call.metadata.get(EPOCH, b"")
    return int(given) if given.isdigit() else 0
