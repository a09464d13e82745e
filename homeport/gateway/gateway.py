"""The gateway: an HTTP front, the routes, and the tunnels of the nodes behind them."""

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from random import random

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.core.histogram import LAG_BOUNDS, Histogram
from homeport.core.limits.borrower import Borrower
from homeport.gateway.answer_head import HeadCheck
from homeport.gateway.balancing.presence import PresenceTable
from homeport.gateway.callers.client_address import TrustedProxies
from homeport.gateway.callers.denial import Denial
from homeport.gateway.callers.principal import Principal
from homeport.gateway.callers.tokens import TokenCheck
from homeport.gateway.errors import render_refused_message
from homeport.gateway.http2.connection import Http2Connection
from homeport.gateway.http2.grpc_heading import is_grpc
from homeport.gateway.http2.grpc_request import GrpcRequest
from homeport.gateway.http2.stream import ClientStream
from homeport.gateway.http2.talk import TalkRequest, TalkStream
from homeport.gateway.limits.limiter import Limiter
from homeport.gateway.limits.room import Room
from homeport.gateway.parking import ParkingLot
from homeport.gateway.request import GatewayRequest
from homeport.gateway.request_ids import RequestIds
from homeport.gateway.routing.routes import PolicyTable
from homeport.gateway.telemetry.access_log import AccessLog
from homeport.gateway.telemetry.counters import Counters
from homeport.gateway.upgrade import UpgradeRequest
from homeport.http1.connections import Connections
from homeport.http1.errors import ProtocolError
from homeport.http1.head import RequestHead
from homeport.http1.limits import Timeouts
from homeport.http1.server import HttpServer
from homeport.http1.server_connection import ServerConnection
from homeport.tunnel.server import TunnelServer

_SWEEP_SECONDS = 1.0
_GRACE_SECONDS = 10.0


class Gateway:
    """`check_token` gets the text after "Bearer "; `clock` is monotonic, in seconds; `wall` unix
    seconds. `random` gives numbers of [0, 1). `borrower` is as whom it leases what limited tokens may use."""

    def __init__(
        self,
        policies: PolicyTable,
        check_token: Callable[[str], Principal | None],
        tunnels: TunnelServer,
        clock: Callable[[], float],
        timeouts: Timeouts | None = None,
        guesses: Guesses | None = None,
        random: Callable[[], float] = random,
        borrower: Borrower | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.policies = policies
        self.clock = clock
        self.random = random
        self.tokens = TokenCheck(check_token, clock, guesses or Guesses())
        self.parking = ParkingLot(self._wake)
        self.presences = PresenceTable(policies, self.parking.wake, clock)
        self.room = Room()
        self.limiter = Limiter(borrower or Borrower("gateway", secrets.token_hex(8)), clock, wall)
        self.counters = Counters()
        # How late its once-a-second look at all requests comes.
        self.loop_lag = Histogram(LAG_BOUNDS)
        # In front of this gateway.
        self.proxies: TrustedProxies | None = None
        self.access_log: AccessLog | None = None
        self.heads = HeadCheck()
        self.request_ids = RequestIds()
        self.active: set[GatewayRequest] = set()
        # Called with what somebody who had sent a token was denied.
        self.on_denied: Callable[[Denial], None] | None = None
        # Called with a deployment that somebody waits for, while none of its nodes is connected.
        self.on_wake: Callable[[str], None] | None = None
        self._tunnels = tunnels
        self._server = HttpServer(self._exchange, self._refuse_message, timeouts, self._http2)
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_due = 0.0
        policies.on_change = self.presences.policy_changed
        tunnels.listener = self.presences

    async def start(self, host: str = "127.0.0.1", port: int = 8000, tls: ssl.SSLContext | None = None) -> int:
        """Listens for clients, plain HTTP without `tls`; returns the port. Raises UNAVAILABLE when it is taken.

        The tunnel server is started by whoever holds its credentials.
        """
        try:
            bound = await self._server.start(host, port, tls)
        except OSError as error:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                hint="is it taken? choose another with --gateway-port",
            ) from error
        self._begin()
        return bound

    async def share(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """As `start`, at a socket that other gateways take clients from, too."""
        await self._server.share(listener, tls)
        self._begin()

    async def retire(self, longest_seconds: float) -> None:
        """Leaves new clients and nodes to other gateways, until its own clients are gone, or for so long."""
        await self._tunnels.stop_listening()
        await self._server.retire(longest_seconds)

    def write_access_log(self, path: str) -> None:
        """From now on, there; nowhere if it is empty."""
        before = self.access_log
        if (before.path if before is not None else "") == path:
            return
        self.access_log = AccessLog(path) if path else None
        if before is not None:
            before.close()

    @property
    def connection_count(self) -> int:
        return self._server.connection_count

    @property
    def tunnel_count(self) -> int:
        return self._tunnels.count

    def _begin(self) -> None:
        self._sweep_due = self.clock()
        self._check(asyncio.get_running_loop())

    async def close(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Answers what is open, for up to `grace_seconds`, then ends the tunnels."""
        await self._server.close(grace_seconds)
        if self._sweep is not None:
            self._sweep.cancel()
        await self._tunnels.close(0.0)
        self.write_access_log("")

    def _exchange(self, connection: ServerConnection, head: RequestHead, length: int) -> GatewayRequest:
        return (UpgradeRequest if head.upgrade else GatewayRequest)(connection, head, length, self)

    def _refuse_message(self, error: ProtocolError) -> tuple[bytes, bytes]:
        self.counters.unrouted[0] += 1
        return render_refused_message(error)

    def _http2(self, timeouts: Timeouts, connections: Connections) -> Http2Connection:
        return Http2Connection(self._http2_exchange, self._refuse_message, timeouts, connections)

    def _http2_exchange(self, stream: ClientStream, head: RequestHead, length: int) -> GatewayRequest:
        if isinstance(stream, TalkStream):
            return TalkRequest(stream, head, length, self)
        return (GrpcRequest if is_grpc(head) else GatewayRequest)(stream, head, length, self)

    def _wake(self, deployment_id: str) -> None:
        if self.on_wake is not None:
            self.on_wake(deployment_id)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = self.clock()
        self.loop_lag.observe(max(0.0, now - self._sweep_due))
        held_bytes = 0
        for request in list(self.active):
            request.check(now)
            held_bytes += request.held_bytes
        self.room.weigh(held_bytes, self.active)
        self.limiter.check(now)
        self._sweep_due = now + _SWEEP_SECONDS
        self.presences.tick()
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._check, loop)
