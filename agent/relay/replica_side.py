"""What a relayed request is sent through: a connection of HTTP/1.1, or a stream of HTTP/2."""

from typing import Protocol

from homeport.http1.client import ClientSink


class ReplicaSide(Protocol):
    write_paused: bool

    @property
    def has_sent(self) -> bool:
        """The whole request is on its way."""

    def send(self, data: bytes, last: bool) -> None:
        """Bytes of the body as they go on the wire."""

    def want_response(self, wanted: bool) -> None: ...

    def hand_over(self, sink: ClientSink) -> None:
        """Who hears of the answer from now on."""

    def abort(self) -> None: ...


class Connecting(Protocol):
    """A connection on its way."""

    def cancel(self) -> None:
        """Nobody wants it any more."""
