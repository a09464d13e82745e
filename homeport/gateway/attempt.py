"""One try of a request at one node: the gateway's end of a stream."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from homeport.core.balance.latency import after_answer
from homeport.gateway.balancing.presence import NodeRoute
from homeport.tunnel.frames import Progress, Refusal
from homeport.tunnel.link import Link
from homeport.tunnel.stream import Stream

if TYPE_CHECKING:
    from homeport.gateway.delivery import Delivery


class Attempt(Stream):
    """Keeps the node's in-flight set right, and hands everything on to its request."""

    __slots__ = ("node", "request")

    def __init__(self, link: Link, request: "Delivery", node: NodeRoute) -> None:
        Stream.__init__(self, link, link.next_id())
        self.request = request
        self.node = node
        node.attempts.add(self)

    def end(self) -> None:
        """The answer is complete."""
        self.node.attempts.discard(self)
        self.link.forget(self)

    def on_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        if last:
            self.end()
        if self.node.is_doubtful:
            self.request.on_doubtful_answer(self.node)
        self.request.on_answer_head(status, length, block, last)

    def on_data(self, data: bytes, last: bool) -> None:
        if last:
            self.end()
        self.request.on_answer_data(data, last)

    def on_trailers(self, block: bytes) -> None:
        self.request.on_answer_trailers(block)

    def on_reset(self, code: int, reason: str) -> None:
        self.node.attempts.discard(self)
        self.request.on_attempt_lost(code, reason)

    def on_refused(self, refusal: Refusal) -> None:
        self.node.attempts.discard(self)
        self.request.on_attempt_refused(refusal)

    def on_progress(self, progress: Progress) -> None:
        self.request.on_progress(progress)

    def on_send_room(self) -> None:
        self.request.connection.want_body(True)


class TimedAttempt(Attempt):
    """Of a deployment whose nodes are compared by how soon they answer."""

    __slots__ = ("_clock", "_sent_at")

    def __init__(self, link: Link, request: "Delivery", node: NodeRoute, clock: Callable[[], float]) -> None:
        super().__init__(link, request, node)
        self._clock = clock
        self._sent_at = clock()

    def on_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        self.node.latency_seconds = after_answer(self.node.latency_seconds, self._clock() - self._sent_at)
        super().on_head(status, length, block, last)
