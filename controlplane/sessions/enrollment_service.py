"""The servicer behind `Enrollment`: a join token and a key become a node, and a host that was away becomes it again."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import grpc
import structlog
from homeport_proto.v1 import enrollment_pb2 as pb
from homeport_proto.v1 import enrollment_pb2_grpc

from controlplane.audit.actor import actor, begin, recognised
from controlplane.audit.denials import DENIALS, Denials
from controlplane.audit.store import AuditedStore
from controlplane.auth.ca import CertificateAuthority, NodeCertificate, holds_key, public_key_sha256
from controlplane.auth.gateway_tokens import redeem as redeem_gateway
from controlplane.auth.join_tokens import Host, keep_certificate, redeem
from controlplane.auth.peer import address_of, shown_of
from controlplane.fleet.node_access import access_of, note_issue, note_recovery, note_use
from controlplane.fleet.node_quarantine import note_copy
from controlplane.sessions.doorkeeper import BUSY, refuse
from controlplane.sessions.gateway_certificates import LIFE
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.core.issuing import IssuingBudget
from homeport.core.likeness import Claim, Suspicion
from homeport.core.node_identity import Refusal, Shown, refusal_of_recovery

log = structlog.get_logger()

JoinRequest = TypeVar("JoinRequest", pb.EnrollRequest, pb.EnrollGatewayRequest)
JoinAnswer = TypeVar("JoinAnswer")

# What a host signs to recover; docs/protocol.md.
_RECOVER = b"homeport recover"
_GRPC_STATUS = {
    ErrorCode.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorCode.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.STORAGE_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class EnrollmentService(enrollment_pb2_grpc.EnrollmentServicer):
    """`session_target` is `host:port`; an empty host means the one that the agent dialled."""

    def __init__(
        self,
        store: Store,
        ca: CertificateAuthority,
        session_target: str,
        certificate_life: timedelta,
        clock: Callable[[], float] = time.monotonic,
        issuing: IssuingBudget | None = None,
    ) -> None:
        self._store = AuditedStore(store)
        self._denials = Denials(store)
        self._guesses = Guesses()
        self._clock = clock
        self._issuing = issuing or IssuingBudget()
        self._ca = ca
        self._session_target = session_target
        self._certificate_life = certificate_life

    async def Enroll(self, request: pb.EnrollRequest, context: Any) -> pb.EnrollResponse:
        return await self._joining(request, context, self._enroll)

    async def EnrollGateway(self, request: pb.EnrollGatewayRequest, context: Any) -> pb.EnrollGatewayResponse:
        return await self._joining(request, context, self._enroll_gateway)

    async def _joining(
        self, request: JoinRequest, context: Any, enroll: Callable[[JoinRequest], Awaitable[JoinAnswer]]
    ) -> JoinAnswer:
        """Slows down who guesses, and notes who was turned away."""
        address, token = address_of(context.peer()), request.join_token
        begin(address, "", "enroll")
        recognised(f"join_token/{_token_id(token)}", "")
        try:
            self._guesses.check(address, token, self._clock())
            answer = await enroll(request)
            self._guesses.succeeded(address, token)
            return answer
        except HomeportError as error:
            if error.code is ErrorCode.UNAUTHENTICATED:
                self._guesses.failed(address, self._clock())
            if error.code in DENIALS:
                await self._denials.note(actor(), error)
            log.warning("enrollment refused", peer=context.peer(), host=request.host.hostname, reason=error.message)
            await context.abort(_GRPC_STATUS.get(error.code, grpc.StatusCode.UNAVAILABLE), str(error))
            raise AssertionError from None  # abort raises

    async def _enroll(self, request: pb.EnrollRequest) -> pb.EnrollResponse:
        key_sha256 = public_key_sha256(request.csr)
        host = Host(request.host.hostname, request.host.machine_id, request.host.agent_version)

        def redeem_and_sign(tx: Transaction) -> tuple[Record, bytes, float]:
            use = redeem(tx, request.join_token, key_sha256, host)
            left = use.certificate_until - tx.now
            # A lost reply is answered with the same certificate, unless that is over half gone.
            if use.certificate and left > self._certificate_life.total_seconds() / 2:
                return use.node, use.certificate, left
            issued = self._issue(use.node.id, request.csr, tx.now)
            keep_certificate(tx, request.join_token, issued.pem, tx.now + self._certificate_life.total_seconds())
            note_issue(tx, use.node.id, issued)
            return use.node, issued.pem, self._certificate_life.total_seconds()

        node, certificate, ttl = await self._store.write(redeem_and_sign)
        log.info("node enrolled", node_id=node.id, name=node.spec["name"], nodepool=node.spec["nodepool"])
        return pb.EnrollResponse(
            node_id=node.id,
            certificate_pem=certificate,
            ca_bundle_pem=self._ca.bundle,
            certificate_ttl_seconds=int(ttl),
            session_target=self._session_target,
            cluster_id=node.spec["cluster"],
            nodepool_id=node.spec["nodepool"],
        )

    async def _enroll_gateway(self, request: pb.EnrollGatewayRequest) -> pb.EnrollGatewayResponse:
        key = public_key_sha256(request.csr)
        gateway = await self._store.write(lambda tx: redeem_gateway(tx, request.join_token, key, request.host.hostname))
        log.info("gateway enrolled", gateway=gateway.id, host=request.host.hostname)
        now = datetime.now(UTC)
        return pb.EnrollGatewayResponse(
            name=gateway.id,
            certificate_pem=self._ca.issue_gateway_host(gateway.id, request.csr, LIFE, now),
            ca_bundle_pem=self._ca.bundle,
            certificate_ttl_seconds=int(LIFE.total_seconds()),
            session_target=self._session_target,
            server_time=now.timestamp(),
        )

    async def Recover(self, request: pb.RecoverRequest, context: Any) -> pb.RecoverResponse:
        address = address_of(context.peer())
        begin(address, "", "recover")
        certificate = self._ca.issued(request.certificate_pem)
        shown = shown_of(certificate)
        if (
            certificate is None
            or shown is None
            or not holds_key(certificate, request.signature, _RECOVER + request.csr)
        ):
            log.warning("recovery refused", peer=context.peer(), node_id=shown.node_id if shown else "")
            await self._denials.note(actor(), _not_recovered(Refusal.MUST_REENROL))
            await refuse(context, Refusal.MUST_REENROL)
            raise AssertionError  # abort raises
        recognised(f"node/{shown.node_id}", "")
        if not self._issuing.take(self._clock()):
            await context.abort(grpc.StatusCode.UNAVAILABLE, BUSY)
        try:
            issued = await self._store.write(lambda tx: self._recover(tx, shown, request.csr, address))
        except HomeportError as error:
            await context.abort(_GRPC_STATUS.get(error.code, grpc.StatusCode.UNAVAILABLE), str(error))
            raise AssertionError from None
        if isinstance(issued, Refusal):
            log.warning("recovery refused", peer=context.peer(), node_id=shown.node_id, reason=issued)
            await self._denials.note(actor(), _not_recovered(issued))
            await refuse(context, issued)
            raise AssertionError
        log.info("node recovered", node_id=shown.node_id)
        return pb.RecoverResponse(
            certificate_pem=issued.pem,
            ca_bundle_pem=self._ca.bundle,
            certificate_ttl_seconds=int(self._certificate_life.total_seconds()),
        )

    def _recover(self, tx: Transaction, shown: Shown, csr: bytes, address: str) -> NodeCertificate | Refusal:
        refusal = refusal_of_recovery(access_of(tx.get(Kind.NODE, shown.node_id)), shown)
        if refusal is Refusal.CLONE:
            note_copy(tx, Suspicion.CERTIFICATE, shown, Claim(), address)
        if refusal is not None:
            return refusal
        note_recovery(tx, shown.node_id, self._certificate_life.total_seconds())
        note_use(tx, shown)
        issued = self._issue(shown.node_id, csr, tx.now)
        note_issue(tx, shown.node_id, issued)
        return issued

    def _issue(self, node_id: str, csr: bytes, now: float) -> NodeCertificate:
        return self._ca.issue_node(node_id, csr, self._certificate_life, datetime.fromtimestamp(now, UTC))


def _not_recovered(why: Refusal) -> HomeportError:
    return HomeportError(ErrorCode.UNAUTHENTICATED, f"recovery refused: {why}")


def _token_id(join_token: str) -> str:
    """What the token says that it is: it may be made up, so no more of it than an id has."""
    parts = join_token.split(".")
    return parts[1][:40] if len(parts) == 4 else ""
