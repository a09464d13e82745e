"""A relayed request that goes on as a WebSocket: a connection of its own, and bytes as they are in both directions."""

import asyncio

from agent.relay.replica_side import ReplicaSide
from agent.relay.request import RelayedRequest
from homeport.core.balance.ejection import Failure
from homeport.http1.client import ClientConnection
from homeport.http1.head import ResponseHead
from homeport.http1.status import SWITCHING
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening

_HEADERS = b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
# Talks may go on for days: a replica that is to stop waits for them for so long.
_LEAVING_SECONDS = 30.0


class RelayedUpgrade(RelayedRequest):
    __slots__ = ("_is_talk", "_parting")

    def __init__(self, link: Link, request_id: int, opening: Opening) -> None:
        super().__init__(link, request_id, opening)
        # The replica has switched: else it is a request like others.
        self._is_talk = False
        self._parting: asyncio.TimerHandle | None = None

    def is_late(self, now: float) -> bool:
        """A talk takes as long as it takes."""
        return not self._is_talk and super().is_late(now)

    def _note_failure(self, failure: Failure) -> None:
        """How a talk ends says nothing of the replica."""
        if not self._answering:
            super()._note_failure(failure)

    def on_replica_leaving(self) -> None:
        if self._parting is None:
            self._parting = asyncio.get_running_loop().call_later(_LEAVING_SECONDS, self._part)

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        self._is_talk = head.status == SWITCHING
        super().on_response(head, length, last)

    def _part(self) -> None:
        self._parting = None
        if self._is_talk:
            self.send_data(b"", True)
            self._leave()

    def _use(self, connection: ClientConnection) -> None:
        replica = self._replica
        self._connecting = None
        if replica is None:
            connection.abort()
            return
        self._connection = connection
        connection.begin_upgrade(self, b"".join((self.opening.head, replica.host_line, _HEADERS)))

    def _send(self, connection: ReplicaSide, data: bytes, last: bool) -> None:
        super()._send(connection, data, last)
        if last and isinstance(connection, ClientConnection):
            connection.finish()

    def _answered(self) -> None:
        if not self._is_talk:
            super()._answered()
            return
        # It took as long as they liked to talk, which tells nothing of how long requests take.
        self._connection = None
        if self.link.on_answered is not None:
            self.link.on_answered(self.opening.deployment_id, self.opening.tenant, 0)
        self._leave()

    def _leave(self) -> None:
        if self._parting is not None:
            self._parting.cancel()
            self._parting = None
        super()._leave()
