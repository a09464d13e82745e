"""A request and its answer on one stream: heads, bodies as they come, trailers. At either end."""

from collections import deque
from typing import TYPE_CHECKING

from homeport.http2.header_block import Headers
from homeport.http2.stream import Stream

if TYPE_CHECKING:
    from homeport.http2.endpoint import Endpoint

# Unsent bytes of a body over which `write_paused` is set, and under which it is over.
_HIGH_WATER = 64 * 1024
_LOW_WATER = 16 * 1024


class Exchange:
    """Subclass it: it is its stream's sink. After `stream` is None nothing is sent or heard any more."""

    def __init__(self, endpoint: "Endpoint") -> None:
        self.endpoint = endpoint
        self.stream: Stream | None = None
        self.write_paused = False
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        # Nothing follows what is unsent.
        self.ends = False
        self._sent = False
        self._trailers: Headers | None = None
        self._reset_by: int | None = None
        # Since it was last asked, something of the body went out.
        self.moved = False

    # ---- what this end does

    def send(self, data: bytes, last: bool) -> None:
        if self.stream is None:
            return
        if data:
            self._unsent.append(memoryview(data))
            self._unsent_bytes += len(data)
            self.write_paused = self.write_paused or self._unsent_bytes > _HIGH_WATER
        self.ends = self.ends or last
        self.endpoint.wake(self)

    def trail(self, headers: Headers) -> None:
        """These go out behind the body: send() with `last` comes next."""
        self._trailers = headers

    def break_off(self, code: int) -> None:
        """Behind what is unsent of the body: the other end sees that it is not whole."""
        self._reset_by = code
        self.send(b"", True)

    def want(self, wanted: bool) -> None:
        """While unwanted, the other end may send only what its window still allows."""
        if self.stream is None:
            return
        if wanted:
            self.endpoint.connection.release(self.stream)
        else:
            self.stream.received.hold()

    def give_up(self, code: int) -> None:
        """Nothing more is sent or heard."""
        stream = self._leave()
        if stream is not None:
            self.endpoint.connection.reset(stream, code)

    # ---- what becomes of it

    def on_writable(self) -> None:
        """write_paused has ended."""

    def on_sent(self) -> None:
        """The whole of this direction is on its way."""

    # ---- the endpoint's side

    def collect(self, parts: list[bytes | memoryview], budget: int) -> int:
        stream, connection = self.stream, self.endpoint.connection
        sent = 0
        while stream is not None and self._unsent and sent < budget:
            room = connection.room(stream)
            if room <= 0:
                break
            pieces, size = self._cut(room)
            last = self.ends and not self._unsent and self._trailers is None and self._reset_by is None
            parts.append(connection.data_header(stream, size, last))
            parts += pieces
            sent += size
            self.moved = True
        if stream is None or self._sent:
            return sent
        if self.ends and not self._unsent:
            self._sent = True
            if self._reset_by is not None:
                connection.reset(stream, self._reset_by)
            elif self._trailers is not None:
                connection.send_headers(stream, self._trailers, last=True)
            elif not stream.local_closed:
                parts.append(connection.data_header(stream, 0, last=True))
            self.on_sent()
        elif self.write_paused and self._unsent_bytes <= _LOW_WATER:
            self.write_paused = False
            self.on_writable()
        return sent

    def on_window(self) -> None:
        self.endpoint.wake(self)

    # ----

    def _cut(self, room: int) -> tuple[list[memoryview], int]:
        """What goes into a frame of at most `room` bytes."""
        pieces: list[memoryview] = []
        left = room
        while self._unsent and left:
            piece = self._unsent[0]
            if len(piece) > left:
                self._unsent[0] = piece[left:]
                piece = piece[:left]
            else:
                self._unsent.popleft()
            pieces.append(piece)
            left -= len(piece)
        self._unsent_bytes -= room - left
        return pieces, room - left

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def _leave(self) -> Stream | None:
        stream, self.stream = self.stream, None
        self._unsent.clear()
        self._unsent_bytes = 0
        return stream
