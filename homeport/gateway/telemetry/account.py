"""What a request has taken so far: it goes to the counters of its deployment when the request is over."""

from typing import TYPE_CHECKING

from homeport.core.errors import HomeportError
from homeport.gateway.telemetry.counters import DeploymentCounters
from homeport.http1.exchange import Exchange

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway


class Account(Exchange):
    _gateway: "Gateway"
    # Of its deployment, once that is known.
    _counters: DeploymentCounters | None = None
    # Which of several side by side; 0 = there is one.
    _revision = 0
    # On the gateway's clock; 0 = not yet.
    _began_at = 0.0
    _answered_at = 0.0
    # When it went to the node that was asked last, and which that is; only where somebody watches.
    _sent_at = 0.0
    _node_id = ""
    # With the answer its caller is told where the time went.
    _shows_timing = False
    # As the client was told.
    _status = 0
    _request_bytes = 0
    _response_bytes = 0
    # Of a stream of events: when its last chunk came, and the longest silence before one.
    _chunk_at = 0.0
    _longest_gap = 0.0
    # It has become a WebSocket: how long people talk is not how long a model takes.
    _is_talk = False

    def note_begin(self) -> None:
        self._began_at = self._gateway.clock()

    def note_deployment(self, deployment_id: str) -> None:
        """It is said again where a deployment is found in several steps."""
        if self._counters is None:
            counters = self._counters = self._gateway.counters.of(deployment_id)
            counters.in_flight += 1

    def note_answer(self, status: int) -> None:
        """Its head is here."""
        self._status = status
        now = self._answered_at = self._gateway.clock()
        if self._counters is not None:
            self._counters.first_byte.observe(now - self._began_at)

    def note_chunk(self) -> None:
        """Another part of a stream of events."""
        now = self._gateway.clock()
        if self._chunk_at and now - self._chunk_at > self._longest_gap:
            self._longest_gap = now - self._chunk_at
        self._chunk_at = now

    def note_end(self, error: HomeportError | None, is_answered: bool) -> None:
        """Once. Without an answer's end and without an `error` it was the client who left."""
        counters = self._counters
        if counters is None:
            self._gateway.counters.unrouted[self._status // 100] += 1
            return
        counters.in_flight -= 1
        counters.answered[self._status // 100] += 1
        seconds = (self._answered_at if self._is_talk else self._gateway.clock()) - self._began_at
        counters.duration.observe(seconds)
        if self._revision:
            is_error = self._status >= 500 or (error is not None and self._answered_at > 0)
            counters.of_revision(self._revision).note(seconds, is_error)
        counters.request_bytes += self._request_bytes
        counters.response_bytes += self._response_bytes
        if self._chunk_at:
            counters.stream_gap.observe(self._longest_gap)
        if error is not None and self._answered_at:
            counters.broken += 1
        elif error is None and not is_answered:
            counters.disconnects += 1
