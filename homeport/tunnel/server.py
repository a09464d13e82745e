"""The gateway's tunnel port: nodes dial it, each with its certificate."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import grpc
import structlog

from homeport.grpc_listener import bind
from homeport.identity import peer_node_id
from homeport.tunnel.carrier import EPOCH, METHOD, SERVICE, WORKER_ID, WORKER_IDS, Carrier
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
        self._server: grpc.aio.Server | None = None
        self._links: set[Link] = set()
        self.listener: LinkListener | None = None

    async def start(self, address: str, credentials: grpc.ServerCredentials) -> int:
        """Returns the port. Raises HomeportError(UNAVAILABLE) when it cannot be had."""
        server, port = bind(address, "--tunnel-port", credentials)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._attach)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        await server.start()
        self._server = server
        return port

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
        await self._server.stop(None)

    async def _attach(self, _: Any, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        node_id = peer_node_id(context.auth_context())
        epoch = _epoch(context)
        if node_id is None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the certificate names no node")
            return
        if not self._admit(node_id, epoch):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"epoch {epoch} is not this node's session")
            return
        await context.send_initial_metadata(((WORKER_ID, self._worker_id), (WORKER_IDS, ",".join(self._worker_ids()))))
        carrier = Carrier(node_id)
        link = carrier.link
        self._links.add(link)
        if self.listener is not None:
            self.listener.on_attach(link)
        log.info("tunnel attached", node=node_id, epoch=epoch)
        try:
            reason = await carrier.carry(context.read, context.write)
        except asyncio.CancelledError:
            reason = "the connection is gone"
            raise
        finally:
            self._links.discard(link)
            if self.listener is not None:
                self.listener.on_detach(link)
            log.info("tunnel detached", node=node_id, epoch=epoch, reason=reason)


def _epoch(context: "grpc.aio.ServicerContext[bytes, bytes]") -> int:
    for key, value in context.invocation_metadata() or ():
        if key == EPOCH and str(value).isdigit():
            return int(value)
    return 0
