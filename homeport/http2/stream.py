"""One stream of a connection: its two windows, and who hears of it."""

from typing import Protocol

from homeport.http2.header_block import Block
from homeport.http2.window import ReceiveWindow


class StreamSink(Protocol):
    """Calls come while the connection is fed, and must not block."""

    def on_headers(self, headers: Block, last: bool) -> None:
        """An answer's head, or trailers."""

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        """buffer[start:end]"""

    def on_reset(self, code: int, reason: str) -> None:
        """Over: the other end gave it up, or broke the rules."""

    def on_lost(self, reason: str) -> None:
        """Over: the connection is gone."""

    def on_window(self) -> None:
        """There may be room to send again."""


class Stream:
    """`send_window` may be negative: the other end may shrink what it once allowed."""

    __slots__ = ("local_closed", "received", "remote_closed", "send_window", "sink", "stream_id")

    def __init__(self, stream_id: int, send_window: int, receive_window: int) -> None:
        self.stream_id = stream_id
        self.send_window = send_window
        self.received = ReceiveWindow(receive_window)
        self.sink: StreamSink | None = None
        self.local_closed = False
        self.remote_closed = False
