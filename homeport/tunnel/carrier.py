"""Carries a link over a gRPC call: a reader that waits for nobody, and all that a turn has to say in one message."""

from collections.abc import Callable

from homeport.http2.call import Call
from homeport.http2.messages import MessageError
from homeport.http2.status import INTERNAL, OK, Status
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.link import Link

# The call; its messages are bytes, see envelope.py.
ATTACH = b"/homeport.v1.Tunnel/Attach"
EPOCH = b"hp-epoch"
WORKER_ID = b"hp-worker-id"
WORKER_IDS = b"hp-worker-ids"


class Carrier:
    """`on_closed` gets the reason when the call has ended at the other end or on the way. Set `call` before use."""

    def __init__(self, on_closed: Callable[[str], None], node_id: str = "") -> None:
        self.link = Link(self._wake, node_id)
        self.call: Call | None = None
        self._on_closed = on_closed

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        try:
            self.link.feed(buffer, start, end)
        except TunnelProtocolError as error:
            raise MessageError(Status(INTERNAL, str(error))) from error

    def take(self) -> bytes | None:
        return self.link.outbox.take()

    def on_end(self, status: Status) -> None:
        self.close(status.message if status.code == OK else f"the tunnel was lost: {status.message}")

    def close(self, reason: str) -> None:
        self.link.close(reason)
        self._on_closed(reason)

    def _wake(self) -> None:
        if self.call is not None:
            self.call.wake()
