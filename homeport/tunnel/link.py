"""One end of a tunnel: its requests by id. No I/O: feed() takes messages, outbox.take() gives them."""

from collections.abc import Callable, Iterable

import structlog

from homeport.tunnel.envelope import unwrap
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import (
    DATA,
    END,
    FIN,
    GOAWAY,
    HEAD,
    HEADER,
    LOAD,
    OPEN,
    PROGRESS,
    REFUSED,
    RESET,
    TRAILERS,
    WINDOW,
    WORKERS,
    ResetCode,
    unpack_head,
    unpack_progress,
    unpack_refused,
    unpack_reset,
    unpack_window,
    unpack_workers,
)
from homeport.tunnel.load import DeploymentLoad, unpack_load
from homeport.tunnel.opening import Opening, open_frame, unpack_opening
from homeport.tunnel.outbox import Outbox
from homeport.tunnel.stream import Stream

log = structlog.get_logger()

_MAX_ID = 0xFFFFFFFF


class _OverrunError(Exception):
    """A request got more DATA than it has credit for."""


class Link:
    """`streams` are the requests in flight on this tunnel. A lost tunnel takes exactly these with it."""

    __slots__ = (
        "_last_id",
        "closed",
        "going_away",
        "node_id",
        "on_answered",
        "on_go_away",
        "on_load",
        "on_open",
        "on_workers",
        "outbox",
        "streams",
    )

    def __init__(self, wake: Callable[[], None], node_id: str = "") -> None:
        self.outbox = Outbox(wake)
        self.node_id = node_id
        self.streams: dict[int, Stream] = {}
        self.closed = False
        # The other end takes no new requests.
        self.going_away = False
        # Agent's end: makes the stream of an OPEN and puts it into `streams`.
        self.on_open: Callable[[Link, int, Opening, bool], None] | None = None
        self.on_workers: Callable[[frozenset[str]], None] | None = None
        # Of a gateway whose requests this node counts: (deployment id, tenant, tokens) of each whole answer.
        self.on_answered: Callable[[str, str, int], None] | None = None
        # Gateway's end.
        self.on_load: Callable[[Link, list[DeploymentLoad]], None] | None = None
        self.on_go_away: Callable[[Link], None] | None = None
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id = self._last_id + 1 if self._last_id < _MAX_ID else 1
        return self._last_id

    def open(self, stream: Stream, opening: Opening, last: bool) -> None:
        """Gateway's end: begins a request. `last`: it has no body."""
        self.streams[stream.request_id] = stream
        self.outbox.send_frame(open_frame(stream.request_id, opening, last))

    def forget(self, stream: Stream) -> bool:
        """The request is over at this end. False when it already was."""
        if self.streams.pop(stream.request_id, None) is None:
            return False
        if stream.send_queue or stream.in_ring or stream.fin_queued:
            self.outbox.drop(stream)
        return True

    def feed(self, buffer: bytes, start: int, end: int) -> None:
        """Takes the message buffer[start:end]; never waits. Raises TunnelProtocolError: then close the tunnel."""
        at, end = unwrap(buffer, start, end)
        streams = self.streams
        header_size, unpack = HEADER.size, HEADER.unpack_from
        while at < end:
            start = at + header_size
            if start > end:
                raise TunnelProtocolError("a frame header is cut off")
            kind, flags, request_id, size = unpack(buffer, at)
            at = start + size
            if at > end:
                raise TunnelProtocolError("a frame is cut off")
            stream = streams.get(request_id)
            if stream is not None:
                try:
                    if kind == DATA:
                        stream.receive_credit -= size
                        if stream.receive_credit < 0:
                            raise _OverrunError
                        stream.on_data(buffer[start:at], flags & FIN != 0)
                    elif kind == HEAD:
                        status, length, block = unpack_head(buffer, start, at)
                        stream.on_head(status, length, block, flags & FIN != 0)
                    else:
                        self._dispatch(stream, kind, buffer[start:at])
                except _OverrunError:
                    reason = "the other end sent more than its credit"
                    stream.reset(ResetCode.OVERRUN, reason)
                    stream.on_reset(ResetCode.OVERRUN, reason)
                except TunnelProtocolError:
                    raise
                except Exception:
                    # A fault in one request must not take the others of the tunnel with it.
                    log.exception("a request failed inside", request=request_id, frame=kind)
                    stream.reset(ResetCode.INTERNAL, "internal error")
                    stream.on_reset(ResetCode.INTERNAL, "internal error")
            elif kind == OPEN:
                if self.on_open is not None:
                    self.on_open(self, request_id, unpack_opening(buffer[start:at]), flags & FIN != 0)
            elif kind == LOAD:
                if self.on_load is not None:
                    self.on_load(self, unpack_load(buffer[start:at]))
            elif kind == WORKERS:
                if self.on_workers is not None:
                    self.on_workers(unpack_workers(buffer[start:at]))
            elif kind == GOAWAY:
                self.going_away = True
                if self.on_go_away is not None:
                    self.on_go_away(self)
            # Else it is of a request that is over here, or of a kind that a newer release knows.

    def send_load(self, payload: bytes) -> None:
        self.outbox.send(LOAD, 0, 0, payload)

    def send_workers(self, worker_ids: Iterable[str]) -> None:
        self.outbox.send(WORKERS, 0, 0, ",".join(worker_ids).encode())

    def send_go_away(self) -> None:
        self.outbox.send(GOAWAY, 0, 0, b"")

    def close(self, reason: str) -> None:
        """The tunnel is lost: so are its requests."""
        self.closed = True
        for stream in list(self.streams.values()):
            if self.forget(stream):
                stream.on_reset(ResetCode.TUNNEL_LOST, reason)

    def _dispatch(self, stream: Stream, kind: int, payload: bytes) -> None:
        """What is not on the way of every request."""
        if kind == END:
            stream.on_data(b"", True)
        elif kind == WINDOW:
            stream.send_credit += unpack_window(payload)
            self.outbox.schedule(stream)
        elif kind == RESET:
            self.forget(stream)
            stream.on_reset(*unpack_reset(payload))
        elif kind == REFUSED:
            self.forget(stream)
            stream.on_refused(unpack_refused(payload))
        elif kind == TRAILERS:
            stream.on_trailers(payload)
        elif kind == PROGRESS:
            stream.on_progress(unpack_progress(payload))
        elif kind == OPEN:
            raise TunnelProtocolError(f"request {stream.request_id} is opened twice")
