"""A WebSocket on a stream of HTTP/2 (RFC 8441): to whoever answers it, the upgrade of HTTP/1.1."""

from base64 import b64encode
from hashlib import sha1

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.http2.stream import ClientStream
from homeport.gateway.upgrade import UpgradeRequest
from homeport.http1.head import UNKNOWN, RequestHead
from homeport.http1.over_http2 import KEY_HEADER
from homeport.http1.status import SWITCHING
from homeport.http2.header_block import Block
from homeport.tunnel.frames import ResetCode

# Of RFC 6455: what a server makes of the key shows that it speaks WebSocket.
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class TalkStream(ClientStream):
    # What the client says before it is answered waits for the answer: at most what its window allows.
    _early: list[bytes] | None = None
    _ended_early = False

    def begin(self, headers: Block, last: bool) -> None:
        self._early = []
        if self.stream is not None:
            self.stream.received.hold()
        super().begin(headers, last)

    def send_head(self, status: int, block: bytes, length: int) -> None:
        """A success would say that it is a WebSocket now."""
        super().send_head(502 if self._early is not None and 200 <= status < 300 else status, block, length)

    def switch_protocols(self, block: bytes) -> None:
        """See SwitchingSide. The stream is what is switched: its answer is a success like others."""
        exchange, early = self._exchange, self._early
        if exchange is None or early is None:
            return
        self._early = None
        self.send_head(200, block, UNKNOWN)
        self.want(self._wants_body)
        if early or self._ended_early:
            exchange.on_body(b"".join(early), self._ended_early)

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        if self._early is not None:
            self._early.append(buffer[start:end])
            self._ended_early = last
        elif self._exchange is not None:
            self._exchange.on_body(buffer[start:end], last)


class TalkRequest(UpgradeRequest):
    connection: TalkStream

    def on_answer_head(self, status: int, length: int, lines: bytes, last: bool) -> None:
        if status == SWITCHING:
            accepted = _accept_line(self.head)
            if accepted not in lines:
                # Over HTTP/1.1 the client would see that.
                self.give_up_attempt(ResetCode.CANCELLED)
                self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the model server accepts another WebSocket's key"))
                return
            lines = lines.replace(accepted, b"")
        super().on_answer_head(status, length, lines, last)


def _accept_line(head: RequestHead) -> bytes:
    key = next(value for name, value in head.fields if name == KEY_HEADER)
    accepted = b64encode(sha1(key + _ACCEPT_SUFFIX, usedforsecurity=False).digest())
    return b"sec-websocket-accept: %b\r\n" % accepted
