"""Who is connected right now, and what goes out to them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.node_quarantine import memory_of
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.doorkeeper import Doorkeeper, goodbye, goodbye_of
from controlplane.store.store import Change, Kind, Record, Store
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.hardware import is_other
from homeport.core.likeness import Claim
from homeport.core.node_identity import Refusal, Shown

log = structlog.get_logger()

_LAST_WORD_SECONDS = 0.5
# How many nodes are told of a change before others get the event loop.
_PER_TURN = 50


@dataclass(eq=False, slots=True)
class OpenSession:
    """`post` sends without waiting, `leave` ends the stream after what was posted or after so many seconds. `claim` is
    what its Hello said of itself, `messages` counts what it has said since, `kept` is the epoch that it has on its
    disk."""

    node_id: str
    epoch: int
    shown: Shown
    post: Callable[[pb.ControlMessage], None]
    leave: Callable[[float], None]
    claim: Claim = field(default_factory=Claim)
    # Of its certificate.
    node_key: PublicKey | None = None
    messages: int = 0
    kept: int = 0
    closing: bool = False
    over: bool = False

    def send(self, message: pb.ControlMessage) -> None:
        if not self.closing:
            self.post(message)

    def history_kept(self, log_id: str, number: int) -> None:
        self.send(pb.ControlMessage(history_kept=pb.HistoryKept(log_id=log_id, number=number)))

    def close(self, goodbye: pb.ControlMessage) -> None:
        """An agent that does not read keeps no session open."""
        self.send(goodbye)
        self.closing = True
        self.leave(_LAST_WORD_SECONDS)


class Sessions:
    """At most one open session per node: a newer epoch closes the older stream."""

    def __init__(self, store: Store, desired: DesiredStates) -> None:
        self._store = store
        self.doorkeeper = Doorkeeper(store, time.time)
        self._desired = desired
        self._open: dict[str, OpenSession] = {}
        # Called with a node's id and the epoch that its new session has.
        self.on_open: Callable[[str, int], None] | None = None

    def open(self, session: OpenSession) -> None:
        """From here on changes reach the session; call it right before its snapshot is made."""
        older = self._open.get(session.node_id)
        if older:
            older.close(goodbye_of(Refusal.SUPERSEDED))
        self._open[session.node_id] = session
        if self.on_open is not None:
            self.on_open(session.node_id, session.epoch)

    def current(self, node_id: str) -> OpenSession | None:
        return self._open.get(node_id)

    def ended(self, session: OpenSession) -> bool:
        """Whether it was the node's newest: no other has taken over."""
        session.over = True
        if self._open.get(session.node_id) is not session:
            return False
        del self._open[session.node_id]
        return True

    def is_current(self, node_id: str, epoch: int) -> bool:
        session = self._open.get(node_id)
        return session is not None and session.epoch == epoch

    def ask(self, node_id: str, question: pb.Question) -> bool:
        session = self._open.get(node_id)
        if session:
            session.send(pb.ControlMessage(question=question))
        return session is not None

    def tell_all(self, message: pb.ControlMessage) -> None:
        for session in self._open.values():
            session.send(message)

    def close_all(self, reason: str, message: str) -> None:
        for session in self._open.values():
            session.close(goodbye(reason, message, retry_after_seconds=1))

    def resend_all(self) -> None:
        for node_id, session in self._open.items():
            session.send(pb.ControlMessage(desired_state=self._desired.snapshot(node_id, session.node_key)))

    async def follow_store(self) -> None:
        """Pushes every change of desired state to the nodes that it concerns, until the store closes."""
        while True:
            self._desired.load()
            try:
                async for changes in self._store.changes():
                    await self._push(changes)
                return
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                log.warning("fell behind the change log, sending everything again", error=str(error))
                self.resend_all()

    async def _push(self, changes: list[Change]) -> None:
        for change in changes:
            if change.kind is Kind.NODE and change.id in self._open:
                self._look_at(self._open[change.id], change.record)
        touched = self._desired.touched(changes)
        concerned = [session for id in touched if (session := self._open.get(id)) is not None]
        for index, session in enumerate(concerned, 1):
            node_id = session.node_id
            # A session that opened meanwhile has had a newer snapshot.
            if self._open.get(node_id) is session:
                delta = self._desired.delta(node_id, touched[node_id], changes[-1].seq, session.node_key)
                session.send(pb.ControlMessage(desired_state=delta))
                log.info("desired state sent", node_id=node_id, seq=changes[-1].seq)
            if index % _PER_TURN == 0:
                await asyncio.sleep(0)

    def _look_at(self, session: OpenSession, node: Record | None) -> None:
        """Whether it may go on, after its node's record has changed."""
        refused = self.doorkeeper.refusal_of_open(session.shown)
        if refused is None and node is not None and is_other(memory_of(node).hardware, session.claim.hardware):
            refused = Refusal.CLONE  # a person has said that another host is the node
        if refused is not None:
            session.close(goodbye_of(refused, self.doorkeeper.stops_models(session.shown)))
            log.warning("session ended", node_id=session.node_id, reason=refused)
