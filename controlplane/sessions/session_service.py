"""The servicer behind `Session`: one Connect call per connected agent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import structlog
from homeport_proto.v1 import session_pb2 as pb
from homeport_proto.v1 import session_pb2_grpc

from controlplane.auth.ca import CertificateAuthority, NodeCertificate
from controlplane.auth.peer import address_of, certificate_in, key_of, shown_by, shown_of
from controlplane.fleet.node_access import access_of, note_issue, note_use
from controlplane.fleet.node_quarantine import memory_of, remembering
from controlplane.gateway.lease_desk import LeaseDesk
from controlplane.history.intake import HistoryIntake
from controlplane.sessions.contest import outlives
from controlplane.sessions.copies import Copies, KeptEpochs
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.doorkeeper import BUSY, goodbye, goodbye_of, refuse
from controlplane.sessions.gateway_certificates import certify
from controlplane.sessions.history_wire import history_from_wire
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeLoad, NodeRegistry
from controlplane.sessions.sessions import OpenSession, Sessions
from controlplane.sessions.wire import (
    claim_from_wire,
    denials_from_wire,
    inventory_from_wire,
    local_gateway_from_wire,
    refusals_from_wire,
    replica_from_wire,
)
from controlplane.store.store import Kind, Store, Transaction
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.issuing import IssuingBudget
from homeport.core.likeness import Claim, Suspicion
from homeport.core.node_identity import Refusal, Shown, refusal
from homeport.core.resources import Inventory
from homeport.gateway.callers.denial import Denial

log = structlog.get_logger()

_HELLO_SECONDS = 10.0
# What this control plane takes beyond the first release of the protocol.
FEATURES = ("history", "token_usage", "leases", "replica_faults", "denials")
# More sessions than a node can have had.
_HIGHEST_EPOCH = 1 << 48


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What Welcome tells every agent. Targets are `host:port`; an empty host means the one that the agent dialled."""

    version: str
    heartbeat_seconds: float
    gateway_targets: tuple[str, ...]
    bulk_target: str
    certificate_life: timedelta
    # By which clients know the control plane: no local gateway gets a certificate for one.
    reserved_names: tuple[str, ...] = ()


class SessionService(session_pb2_grpc.SessionServicer):
    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        sessions: Sessions,
        desired: DesiredStates,
        logs: LogBroker,
        ca: CertificateAuthority,
        terms: SessionTerms,
        issuing: IssuingBudget | None = None,
        opened: Callable[[OpenSession, bool], None] = lambda session, has_gateway: None,
        leases: LeaseDesk | None = None,
        denied: Callable[[Denial], None] = lambda denial: None,
    ) -> None:
        """`opened` is called with each new session, and whether its node has a local gateway. `leases` lends to these
        what limited access tokens may use, `denied` hears what they have denied."""
        self._store = store
        self._doorkeeper = sessions.doorkeeper
        self._registry = registry
        self._sessions = sessions
        self._desired = desired
        self._logs = logs
        self._ca = ca
        self._terms = terms
        self._issuing = issuing or IssuingBudget()
        self._opened = opened
        self._leases = leases
        self._denied = denied
        self._far_gateways: tuple[str, ...] = ()
        self._copies = Copies(store)
        self.kept_epochs = KeptEpochs(store)
        self.history = HistoryIntake(store)

    def set_far_gateways(self, targets: tuple[str, ...]) -> None:
        """Tunnel ports of gateways on hosts of their own. Agents that are here are told at once."""
        if targets != self._far_gateways:
            self._far_gateways = targets
            self._sessions.tell_all(pb.ControlMessage(gateways=self._gateways()))

    def _gateways(self) -> pb.GatewayList:
        return pb.GatewayList(targets=(*self._terms.gateway_targets, *self._far_gateways))

    # The stub asks for a generator; a coroutine that writes by itself runs its `finally` at once when a stream breaks,
    # a suspended generator's would not. `context` is a ServicerCall.
    async def Connect(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.AgentMessage], context: Any
    ) -> None:
        certificate = certificate_in(context.auth_context())
        shown = shown_of(certificate)
        hello = await _first_hello(request_iterator)
        if hello is None:
            await context.write(goodbye("INVALID", "the first message must be Hello"))
            return
        inventory = inventory_from_wire(hello.inventory)
        claim = claim_from_wire(hello, inventory.gpus)
        refused = self._doorkeeper.refusal(shown)
        if shown is not None and refused in (None, Refusal.CLONE):
            why = Suspicion.CERTIFICATE if refused else await self._suspicion(shown, claim)
            if why is not None:
                refused = Refusal.CLONE
                await self._copies.turned_away(why, shown, claim, address_of(context.peer()))
        if shown is None or refused is not None:
            await context.write(goodbye_of(refused or Refusal.NOT_ENROLLED, self._doorkeeper.stops_models(shown)))
            return
        node_id = shown.node_id
        await self._renumber_if_behind(hello.applied, node_id)
        epoch = await self._grant_epoch(shown, inventory, hello, claim)
        if epoch is None:
            await context.write(goodbye("SERVER_STOPPING", "the control plane is stopping"))
            return
        session = OpenSession(node_id, epoch, shown, context.post, context.leave, claim, key_of(certificate))
        self._welcome(session, hello, inventory)
        log.info("agent connected", node_id=node_id, epoch=epoch, version=hello.agent_version)
        try:
            await context.listen(partial(self._hear, session))
        finally:
            self._registry.disconnected(node_id, epoch)
            if self._leases is not None:
                self._leases.site_gone(node_id, session)
            if self._sessions.ended(session):
                self._logs.node_lost(node_id)
            log.info("agent disconnected", node_id=node_id, epoch=epoch)

    async def _suspicion(self, shown: Shown, claim: Claim) -> Suspicion | None:
        found = self._copies.suspicion(shown.node_id, claim)
        if found is not None:
            return found
        holder = self._sessions.current(shown.node_id)
        if holder is not None and await outlives(holder, claim.process_id, self._terms.heartbeat_seconds):
            return Suspicion.RIVAL
        return None

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
        shown, claim, why = shown_by(context.auth_context()), claim_from_wire(request), None
        if shown is None:
            await refuse(context, Refusal.NOT_ENROLLED)
            raise AssertionError  # abort raises
        if not self._issuing.take(time.monotonic()):
            await context.abort(grpc.StatusCode.UNAVAILABLE, BUSY)
        if self._doorkeeper.refusal(shown) is None:
            # A copy that renews would take the place of what was issued to the node and is not used yet.
            why = await self._suspicion(shown, claim)
        try:
            issued = Refusal.CLONE if why else await self._store.write(lambda tx: self._renew(tx, shown, request.csr))
        except HomeportError as error:
            bad = error.code is ErrorCode.INVALID_ARGUMENT
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT if bad else grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError from None
        if isinstance(issued, Refusal):
            if issued is Refusal.CLONE:
                await self._copies.turned_away(why or Suspicion.CERTIFICATE, shown, claim, address_of(context.peer()))
            await refuse(context, issued)
            raise AssertionError
        return pb.RenewResponse(
            certificate_pem=issued.pem,
            ca_bundle_pem=self._ca.bundle,
            certificate_ttl_seconds=int(self._terms.certificate_life.total_seconds()),
        )

    def _renew(self, tx: Transaction, shown: Shown, csr: bytes) -> NodeCertificate | Refusal:
        refused = refusal(access_of(tx.get(Kind.NODE, shown.node_id)), shown, time.time())
        if refused is not None:
            return refused
        note_use(tx, shown)
        issued = self._ca.issue_node(shown.node_id, csr, self._terms.certificate_life, datetime.now(UTC))
        note_issue(tx, shown.node_id, issued)
        return issued

    async def CertifyGateway(self, request: pb.CertifyGatewayRequest, context: Any) -> pb.CertifyGatewayResponse:
        shown = shown_by(context.auth_context())
        refused = self._doorkeeper.refusal(shown)
        if shown is None or refused is not None:
            await refuse(context, refused or Refusal.NOT_ENROLLED)
            raise AssertionError  # abort raises
        if not self._issuing.take(time.monotonic()):
            await context.abort(grpc.StatusCode.UNAVAILABLE, BUSY)
        try:
            return certify(self._ca, shown.node_id, request, self._terms.reserved_names, datetime.now(UTC))
        except HomeportError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise AssertionError from None

    async def _renumber_if_behind(self, held: pb.StoreSeq, node_id: str) -> None:
        """An agent that has seen more of this store than there is proves that an older copy was restored."""
        if held.store_id != self._store.store_id or held.seq <= self._store.seq:
            return
        log.error("the store is older than its agents", node_id=node_id, seen=held.seq, seq=self._store.seq)
        await self._store.renumber()
        self._sessions.resend_all()

    async def _grant_epoch(self, shown: Shown, inventory: Inventory, hello: pb.Hello, claim: Claim) -> int | None:
        """None when the store is closed. A full disk must not keep agents out: what they serve depends on it, and what
        they saw of their epoch keeps the next one higher, noted or not."""
        node_id = shown.node_id
        live = self._registry.get(node_id)
        seen = max(live.epoch if live else 0, min(hello.epoch_seen, _HIGHEST_EPOCH))
        try:
            return await self._store.write(lambda tx: _next_epoch(tx, shown, claim, inventory, hello, seen))
        except HomeportError as error:
            if self._store.problem is None:
                return None
            log.warning("epoch granted without a note of it", node_id=node_id, error=str(error))
            node = self._store.get(Kind.NODE, node_id)
            return max(seen, int(node.status["epoch"]) if node else 0) + 1

    def _welcome(self, session: OpenSession, hello: pb.Hello, inventory: Inventory) -> None:
        """Welcome, then the snapshot; changes from here on follow as deltas, in order."""
        terms = self._terms
        self._registry.connected(session.node_id, session.epoch, inventory, hello.agent_version)
        self._registry.set_replicas(
            session.node_id, [replica_from_wire(replica) for replica in hello.replicas], all_of_them=True
        )
        self._sessions.open(session)
        session.send(
            pb.ControlMessage(
                welcome=pb.Welcome(
                    epoch=session.epoch,
                    server_time=time.time(),
                    heartbeat_seconds=terms.heartbeat_seconds,
                    server_version=terms.version,
                    gateways=self._gateways(),
                    bulk_target=terms.bulk_target,
                    features=FEATURES,
                )
            )
        )
        session.send(pb.ControlMessage(desired_state=self._desired.snapshot(session.node_id, session.node_key)))
        self._opened(session, hello.HasField("local_gateway"))

    def _hear(self, session: OpenSession, message: pb.AgentMessage) -> None:
        if session.closing:
            return
        session.messages += 1
        if message.epoch != session.epoch or not self._sessions.is_current(session.node_id, session.epoch):
            session.close(goodbye_of(Refusal.SUPERSEDED))
            return
        refused = self._doorkeeper.refusal_of_open(session.shown)
        if refused is not None:
            session.close(goodbye_of(refused, self._doorkeeper.stops_models(session.shown)))
            return
        self._handle(message, session)

    def _handle(self, message: pb.AgentMessage, session: OpenSession) -> None:
        node_id = session.node_id
        match message.WhichOneof("body"):
            case "heartbeat":
                beat = message.heartbeat
                skew = beat.agent_time - time.time()
                session.kept = self._note_kept(session, beat.epoch_kept)
                self._registry.heard(node_id, NodeLoad(beat.cpu_used_cores, beat.memory_used_bytes, skew))
                self._registry.set_refusals(node_id, refusals_from_wire(beat.refused))
                session.send(pb.ControlMessage(heartbeat_echo=pb.HeartbeatEcho(server_time=time.time())))
            case "inventory":
                self._registry.set_inventory(node_id, inventory_from_wire(message.inventory))
            case "replica_status":
                self._registry.set_replicas(
                    node_id, [replica_from_wire(replica) for replica in message.replica_status.replicas]
                )
            case "pressure":
                self._registry.set_pressure(node_id, message.pressure.deployment_id, message.pressure.value)
            case "ack":
                self._acknowledged(message.ack, session)
            case "answer":
                if not message.answer.ok:
                    self._logs.end(node_id, message.answer.question_id, message.answer.message)
            case "history":
                self.history.take(node_id, history_from_wire(message.history), session.history_kept)
            case "denials":
                for denial in denials_from_wire(node_id, message.denials):
                    self._denied(denial)
            case "lease_report":
                self._lend(message.lease_report, session)
            case "events":
                for event in message.events.events:
                    log.info(
                        "agent event", node_id=node_id, object=event.object, reason=event.reason, text=event.message
                    )
            case _:
                pass  # of a newer agent, or not used yet

    def _lend(self, report: pb.LeaseReport, session: OpenSession) -> None:
        if self._leases is not None:
            grant = self._leases.hear_site(session.node_id, session, report.report_json)
            session.send(pb.ControlMessage(lease_grant=pb.LeaseGrant(grant_json=grant)))

    def _note_kept(self, session: OpenSession, epoch: int) -> int:
        """What the agent has on its disk is written down once."""
        if session.kept < epoch <= session.epoch:
            self.kept_epochs.note(session.node_id, epoch)
            return epoch
        return session.kept

    def _acknowledged(self, ack: pb.Ack, session: OpenSession) -> None:
        node = self._registry.get(session.node_id)
        if node is not None and ack.applied.store_id == self._store.store_id:
            self._registry.acknowledged(session.node_id, ack.applied.seq)
        gone, unknown = self._desired.settle(session.node_id, ack.unlisted_placements, ack.foreign_placements)
        if gone:
            session.send(pb.ControlMessage(confirm_removals=self._desired.removals(gone)))
        if node is not None and unknown:
            log.warning(
                "node serves placements that this store does not know", node_id=node.node_id, placements=unknown
            )
            node.unknown_placements = tuple(unknown)


async def _first_hello(messages: AsyncIterator[pb.AgentMessage]) -> pb.Hello | None:
    """None when the stream does not begin with Hello in time."""
    try:
        message = await asyncio.wait_for(anext(messages), _HELLO_SECONDS)
    except (TimeoutError, StopAsyncIteration):
        return None
    return message.hello if message.WhichOneof("body") == "hello" else None


def _next_epoch(tx: Transaction, shown: Shown, claim: Claim, inventory: Inventory, hello: pb.Hello, seen: int) -> int:
    """Higher than any that the node was granted or has seen. A node that is heard is lost no more."""
    node_id = shown.node_id
    note_use(tx, shown)
    node = tx.get(Kind.NODE, node_id)
    if node is None:
        raise HomeportError(ErrorCode.NOT_FOUND, f"node {node_id} was deleted")
    epoch = max(seen, int(node.status["epoch"])) + 1
    status = {key: value for key, value in node.status.items() if key != "lost_at"}
    memory = canonical.to_plain(remembering(memory_of(node), claim))
    gateway = local_gateway_from_wire(hello)
    facts = {
        "inventory": canonical.to_plain(inventory),
        "agent_version": hello.agent_version,
        "epoch": epoch,
        "local_gateway": canonical.to_plain(gateway) if gateway is not None else None,
    }
    tx.put_status(Kind.NODE, node_id, {**status, **facts, "memory": memory})
    return epoch
