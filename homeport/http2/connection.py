"""One HTTP/2 connection, either end (RFC 9113). No I/O: feed() takes what arrives, take() gives what is to be sent."""

from collections.abc import Callable

from homeport.http2.alike_decoder import AlikeDecoder
from homeport.http2.errors import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    Http2Error,
    error_name,
)
from homeport.http2.flood_guard import FloodGuard
from homeport.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    FrameReader,
    frame,
    frame_header,
    pack_u32,
    unpack_u32,
    without_padding,
)
from homeport.http2.header_block import Block, HeaderDecoder, Headers, Kind, OpenBlock
from homeport.http2.header_encoder import HeaderEncoder
from homeport.http2.settings import (
    DEFAULT_WINDOW,
    MAX_WINDOW,
    PeerSettings,
    own_settings,
)
from homeport.http2.stream import Stream, StreamSink
from homeport.http2.terms import Terms
from homeport.http2.window import ReceiveWindow

# A server's: gets a stream that the client has begun, its headers, and whether that is all. It sets stream.sink.
OnStream = Callable[[Stream, Block, bool], None]

_LAST_ID = 2**31 - 1
# Frames of ours, but for data, that wait because the other end does not read. A turn brings a few.
_MAX_UNSENT = 2000
# Codes of resets that the other end has caused.
_THEIR_FAULTS = frozenset((PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, STREAM_CLOSED))
# Bytes of a window that are not worth a frame.
_CRUMB = 256


class Connection:
    """A server's with `on_stream`, a client's without. `wake` is called when take() has something to give.

    `now` is monotonic, in seconds.
    """

    def __init__(self, on_stream: OnStream | None, wake: Callable[[], None], now: float, terms: Terms) -> None:
        self._terms = terms
        self._on_stream = on_stream
        self._served = (Kind.REQUEST, Kind.TALK) if terms.extended_connect else (Kind.REQUEST,)
        # Called once the other end has shown that it speaks HTTP/2, and how it wants it.
        self.on_ready: Callable[[], None] | None = None
        self._wake = wake
        self._now = now
        self._guard = FloodGuard(now)
        self._reader = FrameReader(self._on_first_frame, terms.frame_size)
        self._preface = PREFACE if on_stream else b""
        self._decoder = AlikeDecoder() if terms.begins_alike else HeaderDecoder()
        self._encoder = HeaderEncoder()
        self._block: OpenBlock | None = None
        self._streams: dict[int, Stream] = {}
        # The highest id begun by the client, whichever end that is.
        self._last_id = 0 if on_stream else -1
        self._received = ReceiveWindow(terms.connection_window)
        # What is to be sent. The data of streams comes between, by whoever has it.
        self.out: list[bytes | memoryview] = []
        self.send_window = DEFAULT_WINDOW
        self.peer = PeerSettings()
        # Why the other end wants no new streams.
        self.going_away: str | None = None
        self._leaving = False
        start = own_settings(terms, is_client=on_stream is None)
        grown = frame(WINDOW_UPDATE, 0, 0, pack_u32(terms.connection_window - DEFAULT_WINDOW))
        self._send((b"" if on_stream else PREFACE) + frame(SETTINGS, 0, 0, start) + grown)

    # ---- bytes

    def feed(self, data: bytes, now: float) -> None:
        """Raises Http2Error: say leave() with it, and close."""
        self._now = now
        if self._preface:
            size = min(len(data), len(self._preface))
            if data[:size] != self._preface[:size]:
                raise Http2Error(PROTOCOL_ERROR, "the connection does not begin as HTTP/2 does")
            self._preface = self._preface[size:]
            data = data[size:]
        self._reader.feed(data)
        if len(self.out) > _MAX_UNSENT:
            raise Http2Error(ENHANCE_YOUR_CALM, "the other end asks, and does not read the answers")

    def take(self) -> list[bytes | memoryview]:
        """All of `out`."""
        out, self.out = self.out, []
        return out

    @property
    def has_room(self) -> bool:
        """A client's: the other end wants one more stream."""
        is_full = len(self._streams) >= self.peer.max_streams or self._last_id >= _LAST_ID - 1
        return self.going_away is None and not is_full

    # ---- what this end does

    def begin(self, headers: Headers, sink: StreamSink, last: bool = False) -> Stream:
        """A client's: a new stream. Raises Http2Error(REFUSED_STREAM) when the other end wants none."""
        if not self.has_room:
            raise Http2Error(REFUSED_STREAM, self.going_away or "the connection takes no more streams")
        self._last_id += 2
        stream = self._streams[self._last_id] = Stream(self._last_id, self.peer.initial_window, self._terms.window)
        stream.sink = sink
        self.send_headers(stream, headers, last)
        return stream

    def send_headers(self, stream: Stream, headers: Headers, last: bool) -> None:
        block = self._encoder.encode(headers)
        size = self.peer.max_frame_size
        pieces = [block[at : at + size] for at in range(0, len(block), size)]
        for number, piece in enumerate(pieces):
            kind = CONTINUATION if number else HEADERS
            flags = END_STREAM if last and not number else 0
            if number == len(pieces) - 1:
                flags |= END_HEADERS
            self._send(frame(kind, flags, stream.stream_id, piece))
        if last:
            self._close_local(stream)

    def room(self, stream: Stream) -> int:
        """Bytes of DATA that may be sent now, in one frame."""
        return max(0, min(stream.send_window, self.send_window, self.peer.max_frame_size))

    def data_header(self, stream: Stream, size: int, last: bool = False) -> bytes:
        """For `size` bytes, at most room(), that the caller puts into `out` right behind it."""
        stream.send_window -= size
        self.send_window -= size
        if last:
            self._close_local(stream)
        return frame_header(size, DATA, END_STREAM if last else 0, stream.stream_id)

    def release(self, stream: Stream) -> None:
        """What the stream held back of its window, the other end may use again."""
        used = stream.received.release()
        if used and not stream.remote_closed:
            self._send(frame(WINDOW_UPDATE, 0, stream.stream_id, pack_u32(used)))

    def reset(self, stream: Stream, code: int) -> None:
        """Gives the stream up; nothing more is heard of it here.

        Raises Http2Error while fed by somebody who breaks the rules again and again: a stream that we reset for that
        has cost as much as one that is reset there.
        """
        if code in _THEIR_FAULTS:
            self._guard.spend(self._now)
        if self._streams.pop(stream.stream_id, None) is not None:
            self._send(frame(RST_STREAM, 0, stream.stream_id, pack_u32(code)))

    def ping(self) -> None:
        self._send(frame(PING, 0, 0, bytes(8)))

    def leave(self, code: int, message: str) -> None:
        """GOAWAY: no new streams. With an error the connection is to be closed after it."""
        self._leaving = True
        last_id = max(0, self._last_id) if self._on_stream else 0
        self._send(frame(GOAWAY, 0, 0, pack_u32(last_id) + pack_u32(code) + message.encode()[:256]))

    def lose(self, reason: str) -> None:
        """The connection is gone, and its streams with it."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            if stream.sink is not None:
                stream.sink.on_lost(reason)

    def _send(self, data: bytes) -> None:
        if not self.out:
            self._wake()
        self.out.append(data)

    # ---- frames

    def _on_first_frame(self, kind: int, flags: int, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        if kind != SETTINGS or flags & ACK:
            raise Http2Error(PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self._reader.on_frame = self._on_frame
        self._on_frame(kind, flags, stream_id, buffer, start, end)
        if self.on_ready is not None:
            self.on_ready()

    def _on_frame(self, kind: int, flags: int, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        if self._block is not None and (kind != CONTINUATION or stream_id != self._block.stream_id):
            raise Http2Error(PROTOCOL_ERROR, "a header block is interrupted")
        if kind == DATA:
            self._on_data(flags, stream_id, buffer, start, end)
            return
        if kind == WINDOW_UPDATE:
            self._on_window_update(stream_id, buffer, start, end)
            return
        if kind != HEADERS or self._terms.counts_heads:
            self._guard.spend(self._now)
        if kind == HEADERS:
            self._on_headers(flags, stream_id, buffer, start, end)
        elif kind == CONTINUATION:
            self._on_continuation(flags, buffer[start:end])
        elif kind == RST_STREAM:
            self._on_rst_stream(stream_id, buffer, start, end)
        elif kind == SETTINGS:
            self._on_settings(flags, stream_id, buffer[start:end])
        elif kind == PING:
            self._on_ping(flags, stream_id, buffer[start:end])
        elif kind == GOAWAY:
            self._on_goaway(stream_id, buffer[start:end])
        elif kind == PUSH_PROMISE:
            raise Http2Error(PROTOCOL_ERROR, "PUSH_PROMISE is not allowed")
        elif kind == PRIORITY and (end - start != 5 or not stream_id):
            raise Http2Error(FRAME_SIZE_ERROR if stream_id else PROTOCOL_ERROR, "a PRIORITY is malformed")
        # Frames of other types are for whoever knows them.

    def _on_data(self, flags: int, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        self._check_begun(stream_id, "DATA")
        size = end - start
        used = self._received.take(size)
        if used:
            self._send(frame(WINDOW_UPDATE, 0, 0, pack_u32(used)))
        if flags & PADDED:
            start, end = without_padding(flags, buffer, start, end)
        last = flags & END_STREAM != 0
        if start == end and not last:
            self._guard.spend(self._now)
        stream = self._streams.get(stream_id)
        if stream is None:
            # It was reset here, and this was on its way.
            self._guard.spend(self._now)
            return
        if stream.remote_closed:
            raise Http2Error(STREAM_CLOSED, "DATA after the end of its stream")
        used = stream.received.take(size)
        if last:
            self._close_remote(stream)
        elif used:
            self._send(frame(WINDOW_UPDATE, 0, stream_id, pack_u32(used)))
        if stream.sink is not None:
            stream.sink.on_data(buffer, start, end, last)

    def _on_headers(self, flags: int, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        if not stream_id:
            raise Http2Error(PROTOCOL_ERROR, "HEADERS without a stream")
        start, end = without_padding(flags, buffer, start, end)
        if flags & PRIORITY_FLAG:
            start += 5
            if start > end:
                raise Http2Error(FRAME_SIZE_ERROR, "the priority of HEADERS is cut off")
        self._block = OpenBlock(stream_id, flags & END_STREAM != 0)
        self._on_continuation(flags, buffer[start:end])

    def _on_continuation(self, flags: int, fragment: bytes) -> None:
        block = self._block
        if block is None:
            raise Http2Error(PROTOCOL_ERROR, "CONTINUATION of nothing")
        block.add(fragment)
        if flags & END_HEADERS:
            self._block = None
            self._on_block(block.stream_id, self._decoder.decode(block.whole()), block.last)

    def _on_block(self, stream_id: int, headers: Block, last: bool) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._on_more_headers(stream, headers, last)
        elif self._on_stream is None or stream_id <= self._last_id:
            # Of a stream that was reset here; its headers had to be read for what they do to the compression.
            self._check_begun(stream_id, "HEADERS")
            self._guard.spend(self._now)
        else:
            self._on_new_stream(stream_id, headers, last)

    def _on_new_stream(self, stream_id: int, headers: Block, last: bool) -> None:
        if not stream_id & 1:
            raise Http2Error(PROTOCOL_ERROR, "a client began a stream with an even id")
        self._last_id = stream_id
        stream = Stream(stream_id, self.peer.initial_window, self._terms.window)
        self._streams[stream_id] = stream
        stream.remote_closed = last
        if self._leaving or len(self._streams) > self._terms.streams:
            self.reset(stream, REFUSED_STREAM)
        elif headers.kind not in self._served:
            self.reset(stream, PROTOCOL_ERROR)
        elif self._on_stream is not None:
            self._on_stream(stream, headers, last)

    def _on_more_headers(self, stream: Stream, headers: Block, last: bool) -> None:
        if stream.remote_closed:
            raise Http2Error(STREAM_CLOSED, "HEADERS after the end of their stream")
        is_expected = headers.kind is (Kind.TRAILERS if last else None)
        if self._on_stream is None:
            is_expected = is_expected or headers.kind is Kind.RESPONSE
        if not is_expected:
            self.reset(stream, PROTOCOL_ERROR)
            self._end(stream, PROTOCOL_ERROR, "malformed headers")
            return
        if last:
            self._close_remote(stream)
        if stream.sink is not None:
            stream.sink.on_headers(headers, last)

    def _on_rst_stream(self, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        if end - start != 4:
            raise Http2Error(FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
        self._check_begun(stream_id, "RST_STREAM")
        stream = self._streams.get(stream_id)
        if stream is not None:
            code = unpack_u32(buffer, start)
            self._end(stream, code, f"the other end reset the stream: {error_name(code)}")

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise Http2Error(PROTOCOL_ERROR, "SETTINGS of a stream")
        if flags & ACK:
            if payload:
                raise Http2Error(FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS is empty")
            return
        window = self.peer.initial_window
        self.peer.apply(payload)
        self._send(frame(SETTINGS, ACK, 0))
        change = self.peer.initial_window - window
        if change:
            for stream in list(self._streams.values()):
                self._grow(stream, change)

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise Http2Error(PROTOCOL_ERROR, "PING of a stream")
        if len(payload) != 8:
            raise Http2Error(FRAME_SIZE_ERROR, "PING has 8 bytes")
        if not flags & ACK:
            self._send(frame(PING, ACK, 0, payload))

    def _on_goaway(self, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) < 8:
            raise Http2Error(FRAME_SIZE_ERROR if not stream_id else PROTOCOL_ERROR, "a GOAWAY is malformed")
        last_id, code = unpack_u32(payload, 0) & _LAST_ID, unpack_u32(payload, 4)
        text = payload[8:264].decode(errors="replace")
        self.going_away = f"the other end closes the connection: {text or error_name(code)}"
        if self._on_stream is None:
            for stream in [stream for stream in self._streams.values() if stream.stream_id > last_id]:
                self._end(stream, REFUSED_STREAM, self.going_away)

    def _on_window_update(self, stream_id: int, buffer: bytes, start: int, end: int) -> None:
        if end - start != 4:
            raise Http2Error(FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
        size = unpack_u32(buffer, start) & MAX_WINDOW
        if not stream_id:
            if not size or self.send_window + size > MAX_WINDOW:
                raise Http2Error(FLOW_CONTROL_ERROR if size else PROTOCOL_ERROR, "a window update is out of range")
            blocked = self.send_window <= 0
            self.send_window += size
            if blocked:
                self._weigh_grant(size)
                for stream in list(self._streams.values()):
                    self._tell_window(stream)
            return
        self._check_begun(stream_id, "WINDOW_UPDATE")
        found = self._streams.get(stream_id)
        if found is not None:
            if size:
                self._grow(found, size)
            else:
                self.reset(found, PROTOCOL_ERROR)
                self._end(found, PROTOCOL_ERROR, "a window update of nothing")

    # ---- streams

    def _check_begun(self, stream_id: int, what: str) -> None:
        if not stream_id or stream_id > self._last_id or not stream_id & 1:
            raise Http2Error(PROTOCOL_ERROR, f"{what} of a stream that was never begun")

    def _grow(self, stream: Stream, size: int) -> None:
        blocked = stream.send_window <= 0
        stream.send_window += size
        if stream.send_window > MAX_WINDOW:
            self.reset(stream, FLOW_CONTROL_ERROR)
            self._end(stream, FLOW_CONTROL_ERROR, "the stream's window is over 2^31-1")
        elif blocked:
            self._weigh_grant(size)
            self._tell_window(stream)

    def _weigh_grant(self, size: int) -> None:
        """Of who lets an answer out in crumbs, each frame of which costs as much as a large one."""
        if 0 < size < _CRUMB:
            self._guard.spend(self._now)

    def _tell_window(self, stream: Stream) -> None:
        if stream.sink is not None and stream.send_window > 0:
            stream.sink.on_window()

    def _close_local(self, stream: Stream) -> None:
        stream.local_closed = True
        if stream.remote_closed:
            self._streams.pop(stream.stream_id, None)

    def _close_remote(self, stream: Stream) -> None:
        stream.remote_closed = True
        if stream.local_closed:
            self._streams.pop(stream.stream_id, None)

    def _end(self, stream: Stream, code: int, reason: str) -> None:
        self._streams.pop(stream.stream_id, None)
        sink, stream.sink = stream.sink, None
        if sink is not None:
            sink.on_reset(code, reason)
