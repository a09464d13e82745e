"""Who is connected right now, and what goes out to them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.desired_state import DesiredStates
from controlplane.store.store import Change, Kind, Store
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class OpenSession:
    """`outbox` is drained by the stream's writer; None ends the stream after what stands before it."""

    node_id: str
    epoch: int
    outbox: asyncio.Queue[pb.ControlMessage | None] = field(default_factory=asyncio.Queue)

    def send(self, message: pb.ControlMessage) -> None:
        self.outbox.put_nowait(message)

    def close(self, reason: str, message: str, retry_after_seconds: float = 0.0) -> None:
        self.send(
            pb.ControlMessage(
                goodbye=pb.Goodbye(reason=reason, message=message, retry_after_seconds=retry_after_seconds)
            )
        )
        self.outbox.put_nowait(None)


class Sessions:
    """At most one open session per node: a newer epoch closes the older stream."""

    def __init__(self, store: Store, desired: DesiredStates) -> None:
        self._store = store
        self._desired = desired
        self._open: dict[str, OpenSession] = {}
        # Called with a node's id and the epoch that its new session has.
        self.on_open: Callable[[str, int], None] | None = None

    def open(self, session: OpenSession) -> None:
        """From here on changes reach the session; call it right before its snapshot is made."""
        older = self._open.get(session.node_id)
        if older:
            older.close("SUPERSEDED", "another agent with this identity connected", retry_after_seconds=30)
        self._open[session.node_id] = session
        if self.on_open is not None:
            self.on_open(session.node_id, session.epoch)

    def ended(self, session: OpenSession) -> None:
        if self._open.get(session.node_id) is session:
            del self._open[session.node_id]

    def is_current(self, node_id: str, epoch: int) -> bool:
        session = self._open.get(node_id)
        return session is not None and session.epoch == epoch

    def ask(self, node_id: str, question: pb.Question) -> bool:
        session = self._open.get(node_id)
        if session:
            session.send(pb.ControlMessage(question=question))
        return session is not None

    def close_all(self, reason: str, message: str) -> None:
        for session in self._open.values():
            session.close(reason, message, retry_after_seconds=1)

    def resend_all(self) -> None:
        for node_id, session in self._open.items():
            session.send(pb.ControlMessage(desired_state=self._desired.snapshot(node_id)))

    async def follow_store(self) -> None:
        """Pushes every change of desired state to the nodes that it concerns, until the store closes."""
        while True:
            self._desired.load()
            try:
                async for changes in self._store.changes():
                    self._push(changes)
                return
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                log.warning("fell behind the change log, sending everything again", error=str(error))
                self.resend_all()

    def _push(self, changes: list[Change]) -> None:
        for change in changes:
            if change.kind is Kind.NODE and change.record is None and change.id in self._open:
                self._open[change.id].close("NOT_ENROLLED", "the node was deleted; join again with a new token")
        for node_id, touched in self._desired.touched(changes).items():
            session = self._open.get(node_id)
            if session:
                delta = self._desired.delta(touched, changes[-1].seq)
                session.send(pb.ControlMessage(desired_state=delta))
                log.info("desired state sent", node_id=node_id, seq=changes[-1].seq)
