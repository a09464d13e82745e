"""One request and its answer, as the application sees them."""

from typing import TYPE_CHECKING

from homeport.http1.head import RequestHead

if TYPE_CHECKING:
    from homeport.http1.server_connection import ServerConnection


class Exchange:
    """Subclass it. All calls come on the event loop and must not block; the answer goes out through `connection`."""

    __slots__ = ("connection", "head", "length")

    def __init__(self, connection: "ServerConnection", head: RequestHead, length: int) -> None:
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
