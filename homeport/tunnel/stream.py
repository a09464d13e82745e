"""One request inside a tunnel, at either end."""

from collections import deque
from typing import TYPE_CHECKING

from homeport.tunnel.frames import (
    PROGRESS,
    REFUSED,
    RESET,
    WINDOW,
    Progress,
    Refusal,
    ResetCode,
    head_frame,
    pack_progress,
    pack_refused,
    pack_reset,
    pack_window,
)

if TYPE_CHECKING:
    from homeport.tunnel.link import Link

INITIAL_CREDIT = 64 * 1024
# A reader that keeps up is granted more in flight, up to here: the window is what bounds a single transfer's speed.
MAX_CREDIT = 512 * 1024


class Stream:
    """Subclass it for the gateway's and the agent's end. Calls come on the loop and must not block."""

    __slots__ = (
        "_consumed",
        "_window",
        "fin_queued",
        "in_ring",
        "link",
        "queued_bytes",
        "queued_trailers",
        "receive_credit",
        "request_id",
        "send_credit",
        "send_queue",
    )

    def __init__(self, link: "Link", request_id: int) -> None:
        self.link = link
        self.request_id = request_id
        self.send_credit = INITIAL_CREDIT
        self.send_queue: deque[bytes | memoryview] | None = None
        # Header lines that go out behind what is queued.
        self.queued_trailers: bytes | None = None
        self.queued_bytes = 0
        self.fin_queued = False
        self.in_ring = False
        self.receive_credit = INITIAL_CREDIT
        self._window = INITIAL_CREDIT
        self._consumed = 0

    # ---- what the other end does

    def on_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        """Gateway's end: the answer's head."""

    def on_data(self, data: bytes, last: bool) -> None:
        """Say consumed(len(data)) once it has gone on; until then it counts against the other end's credit."""

    def on_trailers(self, block: bytes) -> None:
        """Header lines that follow the body: on_data(b"", True) comes next."""

    def on_reset(self, code: int, reason: str) -> None:
        """Over: the other end gave up, or the tunnel is lost."""

    def on_refused(self, refusal: Refusal) -> None:
        """Gateway's end: over, and never dispatched."""

    def on_progress(self, progress: Progress) -> None:
        """Gateway's end, where the OPEN asked for it: it still waits."""

    def on_send_room(self) -> None:
        """After send_data said False: go on."""

    def on_sent(self) -> None:
        """The last of send_data has been handed to the tunnel."""

    # ---- what this end does

    def send_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        self.link.outbox.send_frame(head_frame(self.request_id, status, length, block, last))

    def send_data(self, data: bytes, last: bool) -> bool:
        """False: stop producing until on_send_room()."""
        return self.link.outbox.send_data(self, data, last)

    def send_trailers(self, block: bytes) -> None:
        """The end of this direction, with header lines (as in HEAD) that follow the body."""
        self.link.outbox.send_trailers(self, block)

    def refuse(self, refusal: Refusal) -> None:
        if self.link.forget(self):
            self.link.outbox.send(REFUSED, 0, self.request_id, pack_refused(refusal))

    def tell_progress(self, progress: Progress) -> None:
        self.link.outbox.send(PROGRESS, 0, self.request_id, pack_progress(progress))

    def reset(self, code: ResetCode, reason: str = "") -> None:
        """Gives the request up at both ends; nothing more is heard of it here."""
        if self.link.forget(self):
            self.link.outbox.send(RESET, 0, self.request_id, pack_reset(code, reason))

    def consumed(self, size: int) -> None:
        """Grants the other end new credit, in few large steps, and more of it to a reader that keeps up."""
        self._consumed += size
        if self._consumed * 2 < self._window:
            return
        grant = self._consumed
        self._consumed = 0
        if self._window < MAX_CREDIT:
            grant += self._window
            self._window *= 2
        self.receive_credit += grant
        self.link.outbox.send(WINDOW, 0, self.request_id, pack_window(grant))
