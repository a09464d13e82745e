"""A relayed request on a stream of HTTP/2 to a replica, as gRPC needs it. Bodies pass as they are."""

import asyncio
from typing import TYPE_CHECKING

from agent.relay.replica_side import ReplicaSide
from agent.relay.request import NOT_RETURNED, RelayedRequest
from homeport.http1.client import ClientSink
from homeport.http1.head import NO_BODY, UNKNOWN, ResponseHead, block
from homeport.http1.over_http2 import fields_of, lines_of
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import CANCEL, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, Http2Error
from homeport.http2.exchange import Exchange
from homeport.http2.header_block import Block, Headers
from homeport.http2.status import UNIMPLEMENTED, Status, trailers
from homeport.tunnel.frames import Refusal, RefusedCode
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening

if TYPE_CHECKING:
    from agent.relay.replica import Replica

_GRPC = (b"content-type", b"application/grpc")
# Of HTTP/1.1's framing.
_DROPPED = frozenset((b"connection", b"te"))
_STATUS_DIGITS = 3
_LONGEST_TIMEOUT_MS = 99_999_999


class ReplicaStream(Exchange):
    """Busy with one request: begin() it."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._sink: ClientSink | None = None
        self._answered = False
        # The replica says that it has not looked at the request.
        self.was_refused = False

    @property
    def has_sent(self) -> bool:
        return self.ends

    def begin(self, sink: ClientSink, headers: Headers, last: bool) -> None:
        """Raises Http2Error where the connection takes no more."""
        self.stream = self.endpoint.connection.begin(headers, self, last)
        self._sink = sink

    def want_response(self, wanted: bool) -> None:
        self.want(wanted)

    def hand_over(self, sink: ClientSink) -> None:
        self._sink = sink

    def abort(self) -> None:
        self._sink = None
        self.give_up(CANCEL)

    # ---- the stream's side

    def on_headers(self, headers: Block, last: bool) -> None:
        if not last and headers[0][1].startswith(b"1"):
            return
        lines: bytes | None = headers.meaning
        if lines is None:
            lines = headers.meaning = lines_of([field for field in headers if field[0] not in NOT_RETURNED])
        if lines is None:
            self._lose("the model server sent headers that are no proper HTTP", PROTOCOL_ERROR)
        elif self._answered:
            sink = self._end()
            if sink is not None:
                sink.on_response_trailers(lines)
        else:
            self._answered = True
            self._on_head(headers, lines, last)

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        sink = self._end() if last else self._sink
        if sink is not None and (last or start < end):
            sink.on_response_body(buffer[start:end], last)

    def on_reset(self, code: int, reason: str) -> None:
        sink, self._sink = self._sink, None
        self._leave()
        self.was_refused = code == REFUSED_STREAM and not self._answered
        if sink is not None:
            sink.on_upstream_lost(reason)

    def on_lost(self, reason: str) -> None:
        self.on_reset(CANCEL, reason)

    def on_writable(self) -> None:
        if self._sink is not None:
            self._sink.on_upstream_writable()

    # ----

    def _on_head(self, headers: Headers, lines: bytes, last: bool) -> None:
        fields = dict(headers)
        given = fields.get(b"content-length", b"")
        length = int(given) if given.isdigit() and len(given) < 19 else UNKNOWN
        status = fields.get(b":status", b"")
        if len(status) != _STATUS_DIGITS:
            self._lose("the model server sent an answer without a proper status", PROTOCOL_ERROR)
            return
        sink = self._end() if last else self._sink
        if sink is not None:
            # A length goes beside the lines.
            lines = lines.replace(b"content-length: %b\r\n" % given, b"") if given else lines
            sink.on_response(ResponseHead(int(status), [], True, lines), length, last)

    def _end(self) -> ClientSink | None:
        """The answer is whole."""
        sink, self._sink = self._sink, None
        stream = self.stream
        if stream is not None and not stream.local_closed:
            # Nobody reads what might still be sent.
            self.give_up(NO_ERROR)
        return sink

    def _lose(self, reason: str, code: int) -> None:
        sink, self._sink = self._sink, None
        self.give_up(code)
        if sink is not None:
            sink.on_upstream_lost(reason)


class Http2Request(RelayedRequest):
    __slots__ = ("_came_at",)

    def __init__(self, link: Link, request_id: int, opening: Opening) -> None:
        super().__init__(link, request_id, opening)
        self._chunks = False
        self._came_at = asyncio.get_running_loop().time()

    def on_upstream_lost(self, reason: str) -> None:
        stream, self._connection = self._connection, None
        if not isinstance(stream, ReplicaStream) or not stream.was_refused:
            super().on_upstream_lost(reason)
            return
        self._leave()
        self.refuse(Refusal(RefusedCode.UNREACHABLE, 1, f"the replica takes nothing more: {reason}"))

    # ----

    def _connect(self, replica: "Replica") -> None:
        stream = replica.http2.take()
        if stream is not None:
            self._begin(stream)
        else:
            self._connecting = replica.http2.connect(self._begin, self._cannot_begin)

    def _begin(self, stream: ReplicaStream) -> None:
        replica = self._replica
        self._connecting = None
        if replica is None:
            return
        try:
            stream.begin(self, self._headers(replica.http2.authority.encode()), self.opening.length in (NO_BODY, 0))
        except Http2Error as error:
            self._cannot_connect(error.message)
            return
        self._connection = stream
        self._send_pending(stream)

    def _cannot_begin(self, problem: str, speaks_other: bool) -> None:
        if not speaks_other:
            self._cannot_connect(problem)
            return
        # Nothing is wrong with the replica: it is the call that is in the wrong place.
        self._connecting = None
        status = trailers(Status(UNIMPLEMENTED, problem))
        self.on_response(ResponseHead(200, [], True, block([_GRPC, *status])), UNKNOWN, True)

    def _send(self, connection: ReplicaSide, data: bytes, last: bool) -> None:
        if last and self._trailers and isinstance(connection, ReplicaStream):
            connection.trail(fields_of(self._trailers))
        super()._send(connection, data, last)

    def _headers(self, authority: bytes) -> Headers:
        line, _, lines = self.opening.head.partition(b"\r\n")
        method, target, _ = line.split(b" ")
        headers = [(b":method", method), (b":scheme", b"http"), (b":path", target), (b":authority", authority)]
        headers += [field for field in fields_of(lines) if field[0] not in _DROPPED]
        headers.append((b"te", b"trailers"))
        if self.opening.remaining_ms:
            waited_ms = int((asyncio.get_running_loop().time() - self._came_at) * 1000)
            left_ms = min(max(1, self.opening.remaining_ms - waited_ms), _LONGEST_TIMEOUT_MS)
            headers.append((b"grpc-timeout", b"%dm" % left_ms))
        return headers
