"""One relayed request: the agent's end of a stream, and the connection to a replica that answers it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.relay.drained import DrainedAnswer
from agent.relay.hop_clock import HopClock
from agent.relay.replica_side import Connecting, ReplicaSide
from homeport.core.balance.ejection import Failure
from homeport.core.token_usage import token_counter
from homeport.http1.client import ClientConnection
from homeport.http1.head import UNKNOWN, ResponseHead, block
from homeport.tunnel.frames import Progress, Refusal, ResetCode
from homeport.tunnel.hop_timing import HEADER as TIMING_HEADER
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening
from homeport.tunnel.stream import Stream

if TYPE_CHECKING:
    from agent.relay.replica import Replica
    from agent.relay.served import ServedDeployment

# The gateway's own, whatever a model server sends.
NOT_RETURNED = frozenset((b"x-request-id", b"x-homeport-revision", TIMING_HEADER))
# Answers that say that there is nobody behind the model server to answer.
_LAST_GOOD = 501
_BAD_GATEWAY = frozenset((502, 503, 504))
# What has not changed is said again after this: a connection that is silent may be ended by whoever stands between.
_KEEP_ALIVE_SECONDS = 9.0


class RelayedRequest(Stream):
    __slots__ = (
        "_answering",
        "_chunks",
        "_connecting",
        "_connection",
        "_count_tokens",
        "_deployment",
        "_drained",
        "_pending",
        "_replica",
        "_started_at",
        "_tokens",
        "_told",
        "_told_at",
        "_trailers",
        "_tried",
        "_unconsumed",
        "_waiting",
        "held_since",
        "hop_clock",
        "opening",
    )

    def __init__(self, link: Link, request_id: int, opening: Opening) -> None:
        Stream.__init__(self, link, request_id)
        self.opening = opening
        self._deployment: ServedDeployment | None = None
        self._replica: Replica | None = None
        self._connecting: Connecting | None = None
        self._connection: ReplicaSide | None = None
        self._chunks = opening.length == UNKNOWN
        # Of the body, before there is a connection: no more than the first credit.
        self._pending: list[tuple[bytes, bool]] = []
        self._tried: list[str] = []
        self._unconsumed = 0
        self._waiting = False
        # The head of the answer is here.
        self._answering = False
        self._drained: DrainedAnswer | None = None
        # Monotonic seconds; 0 = it never waited.
        self.held_since = 0.0
        self._started_at = 0.0
        self._count_tokens: Callable[[bytes], int] | None = None
        self._tokens = 0
        self._told: Progress | None = None
        self._told_at = 0.0
        # What stands behind the request's body.
        self._trailers = b""
        # Where the gateway asks for times.
        self.hop_clock: HopClock | None = None

    # ---- the deployment's side

    def wait(self, deployment: "ServedDeployment") -> None:
        self._deployment = deployment
        self._waiting = True
        self._tried.clear()

    def tell(self, progress: Progress, now: float) -> None:
        """While it waits: what it has not heard yet."""
        if progress != self._told or now - self._told_at >= _KEEP_ALIVE_SECONDS:
            self._told, self._told_at = progress, now
            self.tell_progress(progress)

    def start(self, deployment: "ServedDeployment", replica: "Replica", now: float) -> None:
        self._deployment = deployment
        self._started_at = now
        self._waiting = False
        self._replica = replica
        replica.requests.add(self)
        self._connect(replica)

    def refuse(self, refusal: Refusal) -> None:
        self._waiting = False
        super().refuse(refusal)

    def on_replica_leaving(self) -> None:
        """The replica takes nothing new, and stops once nothing is in flight on it."""

    # ---- the gateway's side

    def on_data(self, data: bytes, last: bool) -> None:
        if self._connection is None:
            self._pending.append((data, last))
        else:
            self._send(self._connection, data, last)

    def on_trailers(self, block: bytes) -> None:
        self._trailers = block

    def on_reset(self, code: int, reason: str) -> None:
        """The client is gone, or the tunnel: the model must stop working on it, unless it is to finish."""
        if code == ResetCode.TIMEOUT and not self._answering:
            self._note_failure(Failure.STALLED)
        connection = self._connection
        if code == ResetCode.CANCELLED and self.opening.drain and connection is not None and connection.has_sent:
            self._connection = None
            self._drained = DrainedAnswer(connection, self._count, self._on_drained)
        else:
            self._leave()

    def on_send_room(self) -> None:
        if self._connection is not None:
            self._connection.want_response(True)

    def on_sent(self) -> None:
        self.link.forget(self)

    # ---- the replica's side

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        lines = head.meaning
        if lines is None:
            lines = head.meaning = block([field for field in head.fields if field[0] not in NOT_RETURNED])
        self._answering = True
        if self._replica is not None and (self._replica.is_watched or head.status > _LAST_GOOD):
            self._note_answer(head.status)
        self._count_tokens = token_counter(lines)
        if self.hop_clock is not None and self._replica is not None:
            lines = self.hop_clock.line(self._started_at, self._replica.upstream.replica_id) + lines
        self.send_head(head.status, length, lines, last)
        if last:
            self.link.forget(self)
            self._answered()

    def on_response_body(self, data: bytes, last: bool) -> None:
        if self._count_tokens is not None:
            self._count(data)
        room = self.send_data(data, last)
        if last:
            self._answered()
        elif not room and self._connection is not None:
            self._connection.want_response(False)

    def on_response_trailers(self, block: bytes) -> None:
        self.send_trailers(block)
        self._answered()

    def on_upstream_lost(self, reason: str) -> None:
        self._connection = None
        if self._deployment is not None and self._replica is not None:
            self._deployment.failures.note(self.opening, self._replica.upstream.replica_id, reason)
        self._note_failure(Failure.LOST)
        self._give_up(ResetCode.UPSTREAM_LOST, reason)

    def on_upstream_writable(self) -> None:
        if self._unconsumed:
            size, self._unconsumed = self._unconsumed, 0
            self.consumed(size)

    # ---- its deadline

    def is_late(self, now: float) -> bool:
        """While it is on a replica."""
        limit = self.opening.remaining_ms / 1000
        return limit > 0 and now - (self.held_since or self._started_at) > limit

    def expire(self) -> None:
        if self._drained is not None:
            self._drained.abort()
            return
        if not self._answering:
            self._note_failure(Failure.STALLED)
        self._give_up(ResetCode.TIMEOUT, "the request's deadline has passed")

    # ----

    def _connect(self, replica: "Replica") -> None:
        connection = None if self.opening.upgrade else replica.pool.take()
        if connection is not None:
            self._use(connection)
        else:
            self._connecting = replica.pool.connect(self._use, self._cannot_connect)

    def _use(self, connection: ClientConnection) -> None:
        replica, opening = self._replica, self.opening
        self._connecting = None
        if replica is None:
            connection.abort()
            return
        self._connection = connection
        if opening.length == UNKNOWN:
            framing = b"transfer-encoding: chunked\r\n\r\n"
        elif opening.length >= 0:
            framing = b"content-length: %d\r\n\r\n" % opening.length
        else:
            framing = b"\r\n"
        body_follows = opening.length > 0 or opening.length == UNKNOWN
        head = b"".join((opening.head, replica.host_line, framing))
        connection.begin(self, head, opening.head.startswith(b"HEAD "), body_follows)
        self._send_pending(connection)

    def _send_pending(self, connection: ReplicaSide) -> None:
        pending, self._pending = self._pending, []
        for data, last in pending:
            self._send(connection, data, last)

    def _cannot_connect(self, problem: str) -> None:
        replica, deployment = self._replica, self._deployment
        self._connecting = self._replica = None
        if replica is None or deployment is None:
            return
        replica.release(self)
        self._tried.append(replica.name)
        deployment.failures.note(self.opening, replica.upstream.replica_id, problem)
        deployment.failed_on(replica, Failure.UNREACHABLE, self._started_at)
        deployment.try_another(self, self._tried, problem)

    def _send(self, connection: ReplicaSide, data: bytes, last: bool) -> None:
        size = len(data)
        if self._chunks:
            if data:
                data = b"%x\r\n%b\r\n" % (size, data)
            if last:
                data += b"0\r\n%b\r\n" % self._trailers
        connection.send(data, last)
        if last:
            return
        if connection.write_paused:
            self._unconsumed += size
        else:
            self.consumed(size)

    def _answered(self) -> None:
        self._connection = None
        if self._deployment is not None:
            self._deployment.answered(self._started_at)
        if self.link.on_answered is not None:
            self.link.on_answered(self.opening.deployment_id, self.opening.tenant, self._tokens)
        self._leave()

    def _note_answer(self, status: int) -> None:
        if self._deployment is None or self._replica is None:
            return
        if status in _BAD_GATEWAY:
            self._deployment.failed_on(self._replica, Failure.BAD_GATEWAY, self._started_at)
        elif self._replica.is_watched:
            self._deployment.answered_by(self._replica, self._started_at)

    def _note_failure(self, failure: Failure) -> None:
        if self._deployment is not None and self._replica is not None:
            self._deployment.failed_on(self._replica, failure, self._started_at)

    def _count(self, data: bytes) -> None:
        if self._count_tokens is not None and self._deployment is not None:
            tokens = self._count_tokens(data)
            self._deployment.tokens += tokens
            self._tokens += tokens

    def _on_drained(self, whole: bool) -> None:
        self._drained = None
        if whole:
            self._answered()
        else:
            self._leave()

    def _give_up(self, code: ResetCode, reason: str) -> None:
        self._leave()
        self.reset(code, reason)

    def _leave(self) -> None:
        """Gives back the place in the queue or on the replica."""
        deployment, replica = self._deployment, self._replica
        self._replica = None
        self._pending.clear()
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
        if deployment is None:
            return
        if self._waiting:
            self._waiting = False
            deployment.leave_queue(self)
        elif replica is not None:
            replica.release(self)
            deployment.freed()
