"""A client request that goes on as a WebSocket: routed as any other, and after 101 a pipe."""

from typing import TYPE_CHECKING

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.callers.subprotocols import HOMEPORT, SUBPROTOCOL_HEADER
from homeport.gateway.request import GatewayRequest
from homeport.http1.exchange import SwitchingSide
from homeport.http1.head import RequestHead
from homeport.http1.status import SWITCHING
from homeport.tunnel.frames import ResetCode

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway

# Without a byte from either side. Who keeps one open for longer sends pings.
_IDLE_SECONDS = 300.0


class UpgradeRequest(GatewayRequest):
    connection: SwitchingSide
    _moved_at = 0.0
    # Whoever answers has seen the Upgrade: it is not sent to another one.
    _retried = True

    def __init__(self, connection: SwitchingSide, head: RequestHead, length: int, gateway: "Gateway") -> None:
        super().__init__(connection, head, length, gateway)
        # What the client says after 101.
        self._body_complete = False

    def on_body(self, data: bytes, last: bool) -> None:
        self._moved_at = self._gateway.clock()
        self._request_bytes += len(data)
        if self._attempt is not None and not self._attempt.send_data(data, last):
            self.connection.want_body(False)

    def on_answer_head(self, status: int, length: int, lines: bytes, last: bool) -> None:
        if status != SWITCHING:
            super().on_answer_head(status, length, lines, last)
            return
        if self._sent_at:
            lines = self.without_timing(lines)
        if last or not self._gateway.heads.is_good_block(lines):
            self.give_up_attempt(ResetCode.INTERNAL)
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the node sent an answer that is no proper HTTP"))
            return
        self._is_talk = True
        self._body = None
        # A talk takes as long as it takes.
        self._deadline = 0.0
        self._moved_at = self._gateway.clock()
        self.note_answer(status)
        lines += b"%bx-request-id: %b\r\n" % (self._own_lines, self._request_id)
        if self._heading.offers_homeport and b"%b: " % SUBPROTOCOL_HEADER not in lines:
            lines += b"%b: %b\r\n" % (SUBPROTOCOL_HEADER, HOMEPORT)
        self.connection.switch_protocols(lines)

    def on_answer_data(self, data: bytes, last: bool) -> None:
        self._moved_at = self._gateway.clock()
        super().on_answer_data(data, last)

    def check(self, now: float) -> None:
        super().check(now)
        if self._is_talk and now - self._moved_at > _IDLE_SECONDS:
            self._end(is_answered=True)
            self.connection.send_body(b"", True)
