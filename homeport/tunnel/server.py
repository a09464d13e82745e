"""The gateway's tunnel port: nodes dial it, each with its certificate."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from homeport.core.node_identity import EXPLANATIONS, Refusal, Shown
from homeport.http2.call import ServerCall
from homeport.http2.server import GrpcServer
from homeport.http2.status import PERMISSION_DENIED, UNAUTHENTICATED, Status
from homeport.http2_listener import listen
from homeport.identity import shown_in
from homeport.tunnel.carrier import ATTACH, EPOCH, WORKER_ID, WORKER_IDS, Carrier
from homeport.tunnel.link import Link

log = structlog.get_logger()

_EXPIRY_SLACK_SECONDS = 0.05
_LONGEST_TIMER_SECONDS = 600.0


class LinkListener(Protocol):
    """Who uses the tunnels."""

    def on_attach(self, link: Link) -> None: ...

    def on_detach(self, link: Link) -> None: ...


class Door(Protocol):
    """Who may have a tunnel."""

    def refusal(self, shown: Shown, epoch: int) -> Refusal | None:
        """Of a node that wants to attach with its session's epoch."""

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        """Of one that has attached."""


class TunnelServer:
    """`worker_ids` lists all live gateway workers behind this port."""

    def __init__(self, door: Door, worker_id: str = "gateway-0", worker_ids: Sequence[str] = ()) -> None:
        self._door = door
        self._worker_id = worker_id
        self._worker_ids = list(worker_ids) or [worker_id]
        self._server: GrpcServer | None = None
        self._tunnels: dict[Link, _Tunnel] = {}
        self.listener: LinkListener | None = None

    async def start(self, address: str, tls: ssl.SSLContext, *, shares_port: bool = False) -> int:
        """Returns the port. Raises HomeportError(UNAVAILABLE) when it cannot be had."""
        server = GrpcServer({ATTACH: self._attach})
        bound = await listen(server, address, "--tunnel-port", tls, shares_port=shares_port)
        self._server = server
        return bound

    @property
    def count(self) -> int:
        """Of open tunnels."""
        return len(self._tunnels)

    def set_workers(self, worker_ids: Sequence[str]) -> None:
        """Agents are told, and dial those that they have no tunnel to."""
        if list(worker_ids) != self._worker_ids:
            self._worker_ids = list(worker_ids)
            for link in self._tunnels:
                link.send_workers(self._worker_ids)

    async def stop_listening(self) -> None:
        """What is attached stays; who dials meets other workers."""
        if self._server is not None:
            await self._server.stop_listening()

    async def close(self, grace_seconds: float) -> None:
        """Tells the agents to take their new requests elsewhere, then waits for what is in flight."""
        if self._server is None:
            return
        for link in self._tunnels:
            link.send_go_away()
        loop = asyncio.get_running_loop()
        end = loop.time() + grace_seconds
        while any(link.streams for link in self._tunnels) and loop.time() < end:  # noqa: ASYNC110 - a rare, short wait
            await asyncio.sleep(0.02)
        await self._server.close()

    def look_at(self, node_id: str) -> None:
        """Ends the tunnels that the node may not have any more; to be called when what the door knows has changed."""
        for tunnel in list(self._tunnels.values()):
            if tunnel.shown.node_id == node_id:
                self._look_at(tunnel)

    def _attach(self, call: ServerCall) -> None:
        shown, epoch = shown_in(call.endpoint.peer_certificate), _epoch(call)
        if shown is None:
            call.end(Status(UNAUTHENTICATED, "the certificate names no node"))
            return
        refused = self._door.refusal(shown, epoch)
        if refused is not None:
            call.end(_status_of(refused))
            return
        node_id = shown.node_id

        def on_closed(reason: str) -> None:
            tunnel = self._tunnels.pop(link, None)
            if tunnel is not None and tunnel.expiry is not None:
                tunnel.expiry.cancel()
            if self.listener is not None:
                self.listener.on_detach(link)
            log.info("tunnel detached", node=node_id, epoch=epoch, reason=reason)

        carrier = Carrier(on_closed, node_id)
        carrier.call = call
        link = carrier.link
        worker_ids = ",".join(self._worker_ids)
        call.accept([(WORKER_ID, self._worker_id.encode()), (WORKER_IDS, worker_ids.encode())], carrier)
        tunnel = self._tunnels[link] = _Tunnel(shown, carrier)
        self._until_expiry(tunnel)
        if self.listener is not None:
            self.listener.on_attach(link)
        log.info("tunnel attached", node=node_id, epoch=epoch)

    def _until_expiry(self, tunnel: "_Tunnel") -> None:
        left = tunnel.shown.ends_at - time.time()
        # A timer stands still while the host is suspended, and the wall clock may be set. A door that lets in what has
        # expired is asked now and then for how long yet.
        delay = min(left + _EXPIRY_SLACK_SECONDS, _LONGEST_TIMER_SECONDS) if left > 0 else _LONGEST_TIMER_SECONDS
        tunnel.expiry = asyncio.get_running_loop().call_later(delay, self._look_at, tunnel)

    def _look_at(self, tunnel: "_Tunnel") -> None:
        if tunnel.expiry is not None:
            tunnel.expiry.cancel()
        refused = self._door.refusal_of_open(tunnel.shown)
        if refused is None:
            self._until_expiry(tunnel)
            return
        call = tunnel.carrier.call
        if isinstance(call, ServerCall):
            call.end(_status_of(refused))
        tunnel.carrier.close(f"the tunnel was ended: {refused}")


@dataclass(eq=False, slots=True)
class _Tunnel:
    shown: Shown
    carrier: Carrier
    expiry: asyncio.TimerHandle | None = None


def _status_of(refused: Refusal) -> Status:
    return Status(PERMISSION_DENIED, f"{refused}: {EXPLANATIONS[refused]}")


def _epoch(call: ServerCall) -> int:
    given = call.metadata.get(EPOCH, b"")
    return int(given) if given.isdigit() else 0
