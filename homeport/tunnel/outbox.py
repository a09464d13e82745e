"""What one end still has to send: all frames of a turn in one message, bulk data fairly and within its credit."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from homeport.tunnel.envelope import wrap
from homeport.tunnel.frames import DATA, END, FIN, HEADER, TRAILERS

if TYPE_CHECKING:
    from homeport.tunnel.stream import Stream

MAX_MESSAGE = 64 * 1024
# Whole frames that wait in the order of their coming; over that, data waits for its turn.
_MAX_DIRECT = 4 * MAX_MESSAGE
# Data of one request in one message that others share.
MAX_SHARE = 16 * 1024
# Unsent bytes of a tunnel over which nobody reads from upstreams and clients, and under which they do again.
HIGH_WATER = 1024 * 1024
LOW_WATER = 512 * 1024
# The same for one request that lacks credit.
STREAM_HIGH_WATER = 32 * 1024
STREAM_LOW_WATER = 8 * 1024


class Outbox:
    """`wake` is called when something is to be sent and nothing was; take() gives the messages."""

    __slots__ = ("_direct", "_direct_bytes", "_idle", "_queued_bytes", "_ring", "_stalled", "_wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._idle = True
        # Whole frames, ready to go in this order.
        self._direct: deque[bytes] = deque()
        self._direct_bytes = 0
        # Requests with data and credit, each at most once, in the order of their turns.
        self._ring: deque[Stream] = deque()
        self._queued_bytes = 0
        # Whoever was told to stop producing.
        self._stalled: set[Stream] = set()

    @property
    def unsent(self) -> int:
        return self._direct_bytes + self._queued_bytes

    def send(self, kind: int, flags: int, request_id: int, payload: bytes) -> None:
        """A frame that needs no credit."""
        self.send_frame(HEADER.pack(kind, flags, request_id, len(payload)) + payload)

    def send_frame(self, frame: bytes) -> None:
        """The same, packed already."""
        self._direct.append(frame)
        self._direct_bytes += len(frame)
        if self._idle:
            self._idle = False
            self._wake()

    def send_data(self, stream: "Stream", data: bytes, last: bool) -> bool:
        """False: stop producing until stream.on_send_room() is called."""
        size = len(data)
        if (
            size <= stream.send_credit
            and size <= MAX_SHARE
            and not stream.send_queue
            and not self._ring
            and self._direct_bytes < _MAX_DIRECT
        ):
            stream.send_credit -= size
            frame = _data_header(stream.request_id, size, last) + data
            self._direct.append(frame)
            self._direct_bytes += len(frame)
            if self._idle:
                self._idle = False
                self._wake()
            if last:
                stream.on_sent()
            return True
        if data:
            if stream.send_queue is None:
                stream.send_queue = deque()
            stream.send_queue.append(data)
            stream.queued_bytes += size
            self._queued_bytes += size
        stream.fin_queued = stream.fin_queued or last
        self.schedule(stream)
        if stream.queued_bytes > STREAM_HIGH_WATER or self.unsent > HIGH_WATER:
            self._stalled.add(stream)
            return False
        return True

    def send_trailers(self, stream: "Stream", block: bytes) -> None:
        """Behind the stream's data, and as its end. They need no credit."""
        if stream.send_queue or stream.in_ring or self._direct_bytes >= _MAX_DIRECT:
            stream.queued_trailers = block
            stream.fin_queued = True
            self.schedule(stream)
            return
        self.send_frame(_trailing(stream.request_id, block))
        stream.on_sent()

    def schedule(self, stream: "Stream") -> None:
        """After data or credit came: puts the stream in line when it may send."""
        if stream.in_ring or not (stream.send_queue or stream.fin_queued):
            return
        if stream.send_credit > 0 or not stream.send_queue:
            stream.in_ring = True
            self._ring.append(stream)
            if self._idle:
                self._idle = False
                self._wake()

    def drop(self, stream: "Stream") -> None:
        """Forgets the unsent data of a request that is over."""
        if stream.queued_bytes:
            self._queued_bytes -= stream.queued_bytes
            stream.queued_bytes = 0
            stream.send_queue = None
        stream.fin_queued = False
        if stream.in_ring:
            self._ring.remove(stream)
            stream.in_ring = False
        self._stalled.discard(stream)

    def take(self) -> bytes | None:
        """The next message for the wire; None when there is nothing, and wake() will be called."""
        if not self._direct and not self._ring:
            self._idle = True
            return None
        parts: list[bytes | memoryview] = []
        if self._direct_bytes <= MAX_MESSAGE:
            parts.extend(self._direct)
            size = self._direct_bytes
            self._direct.clear()
        else:
            size = 0
            while self._direct and (not parts or size + len(self._direct[0]) <= MAX_MESSAGE):
                part = self._direct.popleft()
                parts.append(part)
                size += len(part)
        self._direct_bytes -= size
        # Not before all whole frames are out: a request's data must not overtake its OPEN or HEAD.
        turns = 0 if self._direct else len(self._ring)
        # Whoever has the tunnel to itself delays nobody.
        share = MAX_SHARE if turns > 1 else MAX_MESSAGE
        while turns and MAX_MESSAGE - size > HEADER.size:
            turns -= 1
            size += self._take_share(parts, min(share, MAX_MESSAGE - size - HEADER.size))
        if self._stalled:
            self._release_stalled()
        return wrap(parts, size)

    def _take_share(self, parts: list[bytes | memoryview], most: int) -> int:
        """One turn of the first request in line, of `most` bytes of data. Returns the bytes added."""
        stream = self._ring.popleft()
        stream.in_ring = False
        queue = stream.send_queue
        limit = min(most, stream.send_credit)
        taken: list[bytes | memoryview] = []
        count = 0
        while queue and count < limit:
            data = queue[0]
            if count + len(data) <= limit:
                queue.popleft()
            else:
                # A view: copying the rest at each turn would copy large pieces many times over.
                whole = memoryview(data)
                data = whole[: limit - count]
                queue[0] = whole[limit - count :]
            taken.append(data)
            count += len(data)
        stream.send_credit -= count
        stream.queued_bytes -= count
        self._queued_bytes -= count
        last = stream.fin_queued and not queue
        if last:
            stream.fin_queued = False
        size = HEADER.size + count
        if last and stream.queued_trailers is not None:
            if count:
                parts.append(_data_header(stream.request_id, count, False))
                parts.extend(taken)
            else:
                size = 0
            parts.append(trailing := _trailing(stream.request_id, stream.queued_trailers))
            size += len(trailing)
        else:
            parts.append(_data_header(stream.request_id, count, last))
            parts.extend(taken)
        self.schedule(stream)
        if last:
            stream.on_sent()
        return size

    def _release_stalled(self) -> None:
        if self.unsent > LOW_WATER:
            return
        ready = [stream for stream in self._stalled if stream.queued_bytes <= STREAM_LOW_WATER]
        self._stalled.difference_update(ready)
        for stream in ready:
            stream.on_send_room()


def _trailing(request_id: int, block: bytes) -> bytes:
    return HEADER.pack(TRAILERS, 0, request_id, len(block)) + block + HEADER.pack(END, 0, request_id, 0)


def _data_header(request_id: int, size: int, last: bool) -> bytes:
    if not size:
        return HEADER.pack(END, 0, request_id, 0)
    return HEADER.pack(DATA, FIN if last else 0, request_id, size)
