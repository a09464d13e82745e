"""One request and its answer, as the application sees them."""

from typing import Protocol

from homeport.http1.head import RequestHead


class ClientSide(Protocol):
    """What an exchange answers through: a connection of HTTP/1.1, or a stream of HTTP/2.

    `write_paused`: send no more until the exchange's on_writable(). `answering`: the head of the answer is out, so no
    other answer can be given.
    """

    write_paused: bool

    @property
    def answering(self) -> bool: ...

    @property
    def is_tls(self) -> bool: ...

    def peer_address(self) -> str:
        """Empty once the connection is gone."""

    def want_body(self, wanted: bool) -> None:
        """Backpressure: while unwanted, no more of the request's body is read than was on its way."""

    def send_head(self, status: int, block: bytes, length: int) -> None:
        """`length` of the body in bytes or UNKNOWN. `block` holds header lines without framing."""

    def send_body(self, data: bytes, last: bool) -> None: ...

    def send_trailers(self, block: bytes) -> None:
        """Header lines that follow the body, for a client that takes them: send_body(b"", True) comes next."""

    def abort(self) -> None:
        """Breaks the answer off at once, so that the client sees that it is not whole."""

    def cut(self) -> None:
        """Ends an answer early, after what was sent of it; the client can tell that it is not whole."""


class SwitchingSide(ClientSide, Protocol):
    """Of a request to go on as a WebSocket."""

    def switch_protocols(self, block: bytes) -> None:
        """The answer to it, `block` without framing: what comes from now on is its body, and send_body sends as it
        is."""


class Exchange:
    """Subclass it. All calls come on the event loop and must not block; the answer goes out through `connection`."""

    __slots__ = ("connection", "head", "length")

    def __init__(self, connection: ClientSide, head: RequestHead, length: int) -> None:
        self.connection = connection
        self.head = head
        # Of the body in bytes, UNKNOWN when it is chunked, NO_BODY when there is none.
        self.length = length

    def on_request(self) -> None:
        """The head is here; the body, if any, follows in on_body."""
        raise NotImplementedError

    def on_body(self, data: bytes, last: bool) -> None:
        """Not called for requests without a body; `last` comes once, with or without data."""

    def on_trailers(self, block: bytes) -> None:
        """Header lines that follow the body: on_body(b"", True) comes next."""

    def on_body_timeout(self) -> None:
        """The client stopped sending in the middle of the body: answer, or break off."""
        self.connection.abort()

    def on_writable(self) -> None:
        """The client takes data again (connection.write_paused has ended)."""

    def on_disconnect(self) -> None:
        """The client is gone: nothing more can be sent."""

    def answer(self, status: int, block: bytes, body: bytes) -> None:
        """A whole answer at once. `block`: header lines without framing."""
        self.connection.send_head(status, block, len(body))
        self.connection.send_body(body, True)
