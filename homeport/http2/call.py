"""A gRPC call: two directions of messages over one stream, and a status at the end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from homeport.http2.errors import CANCEL, NO_ERROR, PROTOCOL_ERROR
from homeport.http2.header_block import Headers
from homeport.http2.messages import PREFIX_SIZE, MessageError, MessageReader, message_prefix
from homeport.http2.status import (
    INTERNAL,
    OK,
    UNAVAILABLE,
    UNKNOWN,
    Status,
    status_of_http,
    status_of_reset,
    status_of_trailers,
    trailers,
)
from homeport.http2.stream import Stream

if TYPE_CHECKING:
    from homeport.http2.endpoint import Endpoint

_ANSWER: Headers = [(b":status", b"200"), (b"content-type", b"application/grpc")]


class Talker(Protocol):
    """Who uses a call. Calls come on the loop and must not block."""

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        """The message is buffer[start:end]. Raises MessageError to end the call."""

    def take(self) -> bytes | None:
        """The next message to send; None when there is none, until call.wake()."""

    def on_end(self, status: Status) -> None:
        """The call is over. Not called for one that this end has ended."""


class Call:
    """What both ends have in common."""

    def __init__(self, endpoint: "Endpoint") -> None:
        self.endpoint = endpoint
        self.stream: Stream | None = None
        self.talker: Talker | None = None
        self._reader = MessageReader(self._on_message)
        # What did not fit the windows of the message that was taken last.
        self._rest = memoryview(b"")

    @property
    def is_over(self) -> bool:
        return self.stream is None

    def wake(self) -> None:
        """The talker has something to send."""
        self.endpoint.wake(self)

    def collect(self, parts: list[bytes | memoryview], budget: int) -> int:
        """Adds messages to what goes out now, about `budget` bytes. Returns how many; less: nothing more can go."""
        connection, stream, talker = self.endpoint.connection, self.stream, self.talker
        sent = 0
        while sent < budget and stream is not None and talker is not None:
            room = connection.room(stream)
            if room <= 0:
                break
            if self._rest:
                piece = self._rest[:room]
                self._rest = self._rest[room:]
                parts += (connection.data_header(stream, len(piece)), piece)
                sent += len(piece)
                continue
            message = talker.take()
            if message is None:
                break
            size = len(message) + PREFIX_SIZE
            if size > room:
                self._rest = memoryview(message_prefix(len(message)) + message)
                continue
            parts += (connection.data_header(stream, size), message_prefix(len(message)), message)
            sent += size
        return sent

    # ---- the stream's side

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        if self.talker is not None:
            try:
                self._reader.feed(buffer, start, end)
                if last and self._reader.inside:
                    raise MessageError(Status(INTERNAL, "the last message is cut off"))
            except MessageError as error:
                self._fail(error.status)
                return
        if last:
            self._on_half_closed()

    def on_reset(self, code: int, reason: str) -> None:
        self._over(status_of_reset(code, reason))

    def on_lost(self, reason: str) -> None:
        self._over(Status(UNAVAILABLE, reason))

    def on_window(self) -> None:
        self.wake()

    # ----

    def _on_message(self, buffer: bytes, start: int, end: int) -> None:
        if self.talker is not None:
            self.talker.on_message(buffer, start, end)

    def _on_half_closed(self) -> None:
        """The other end sends no more messages."""
        raise NotImplementedError

    def _fail(self, status: Status) -> None:
        """This end cannot go on."""
        raise NotImplementedError

    def _over(self, status: Status) -> None:
        talker, self.talker, self.stream = self.talker, None, None
        if talker is not None:
            talker.on_end(status)


class ServerCall(Call):
    """A call that has arrived: accept() or end() it."""

    def __init__(self, endpoint: "Endpoint", stream: Stream, headers: Headers) -> None:
        super().__init__(endpoint)
        self.stream = stream
        stream.sink = self
        self.metadata = dict(headers)
        self._answered = False
        self._on_last: Callable[[], None] | None = None

    def accept(self, metadata: Headers, talker: Talker, on_last: Callable[[], None] | None = None) -> None:
        """`on_last` is called when the client has said everything; without it the call ends then."""
        if self.stream is not None:
            self._answered = True
            self.talker = talker
            self._on_last = on_last
            self.endpoint.connection.send_headers(self.stream, _ANSWER + metadata, last=False)

    def end(self, status: Status) -> None:
        """The talker hears nothing more."""
        stream, self.stream, self.talker = self.stream, None, None
        if stream is not None:
            connection = self.endpoint.connection
            connection.send_headers(stream, trailers(status) if self._answered else _ANSWER + trailers(status), True)
            # Does nothing when the client is done too; else it need not go on.
            connection.reset(stream, NO_ERROR)

    def on_headers(self, headers: Headers, last: bool) -> None:
        """Trailers of a client: gRPC knows none, but they end its direction."""
        self._on_half_closed()

    def pause(self) -> None:
        """The client may send only what its window still allows, until resume()."""
        if self.stream is not None:
            self.stream.received.hold()

    def resume(self) -> None:
        if self.stream is not None:
            self.endpoint.connection.release(self.stream)

    def _on_half_closed(self) -> None:
        if self._on_last is not None:
            self._on_last()
            return
        talker = self.talker
        self.end(Status(OK, ""))
        if talker is not None:
            talker.on_end(Status(OK, "the other end closed the call"))

    def _fail(self, status: Status) -> None:
        talker = self.talker
        self.end(status)
        if talker is not None:
            talker.on_end(status)


class ClientCall(Call):
    """A call of ours. The talker hears on_metadata() once it is accepted."""

    def __init__(self, endpoint: "Endpoint", path: bytes, metadata: Headers, talker: "ClientTalker") -> None:
        super().__init__(endpoint)
        self.talker: ClientTalker | None = talker
        self._accepted = False
        headers = [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":path", path),
            (b":authority", endpoint.authority),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"homeport"),
        ]
        self.stream = endpoint.connection.begin(headers + metadata, self)

    def cancel(self) -> None:
        """The talker hears nothing more."""
        stream, self.stream, self.talker = self.stream, None, None
        if stream is not None:
            self.endpoint.connection.reset(stream, CANCEL)

    def on_headers(self, headers: Headers, last: bool) -> None:
        fields = dict(headers)
        status = fields.get(b":status", b"200")
        if status.startswith(b"1") and not last:
            return
        if status != b"200":
            self._fail(status_of_http(int(status)))
        elif last:
            self._finish(status_of_trailers(headers))
        elif self._accepted:
            self._fail(Status(INTERNAL, "a second head"))
        elif not fields.get(b"content-type", b"").startswith(b"application/grpc"):
            self._fail(Status(UNKNOWN, "the answer is not gRPC"))
        elif self.talker is not None:
            self._accepted = True
            self.talker.on_metadata(fields)

    def _on_half_closed(self) -> None:
        self._finish(Status(INTERNAL, "the call ended without status"))

    def _finish(self, status: Status) -> None:
        """The server is done, so nobody reads what we might still send."""
        if self.stream is not None:
            self.endpoint.connection.reset(self.stream, CANCEL)
        self._over(status)

    def _fail(self, status: Status) -> None:
        if self.stream is not None:
            self.endpoint.connection.reset(self.stream, PROTOCOL_ERROR)
        self._over(status)


class ClientTalker(Talker, Protocol):
    def on_metadata(self, metadata: dict[bytes, bytes]) -> None:
        """The server has accepted the call."""
