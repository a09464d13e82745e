"""The rest of an answer that nobody wants any more: the model finishes it, and it is dropped."""

from collections.abc import Callable

from agent.relay.replica_side import ReplicaSide
from homeport.http1.head import ResponseHead


class DrainedAnswer:
    """Takes over a connection from its request. `drop(data)` gets what is dropped, `done(whole)` is called once."""

    def __init__(self, connection: ReplicaSide, drop: Callable[[bytes], None], done: Callable[[bool], None]) -> None:
        self._connection: ReplicaSide | None = connection
        self._drop = drop
        self._done = done
        connection.hand_over(self)
        connection.want_response(True)

    def abort(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
            self._done(False)

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        if last:
            self._end(True)

    def on_response_body(self, data: bytes, last: bool) -> None:
        self._drop(data)
        if last:
            self._end(True)

    def on_response_trailers(self, block: bytes) -> None:
        self._end(True)

    def on_upstream_lost(self, reason: str) -> None:
        self._end(False)

    def on_upstream_writable(self) -> None: ...

    def _end(self, whole: bool) -> None:
        self._connection = None
        self._done(whole)
