"""The servicer behind `Enrollment`: a join token and a key become a node."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import structlog
from homeport_proto.v1 import enrollment_pb2 as pb
from homeport_proto.v1 import enrollment_pb2_grpc

from controlplane.auth.ca import CertificateAuthority, public_key_sha256
from controlplane.auth.join_tokens import Host, redeem
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

_GRPC_STATUS = {
    ErrorCode.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    ErrorCode.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    ErrorCode.STORAGE_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class EnrollmentService(enrollment_pb2_grpc.EnrollmentServicer):
    """`session_target` is `host:port`; an empty host means the one that the agent dialled."""

    def __init__(
        self, store: Store, ca: CertificateAuthority, session_target: str, certificate_life: timedelta
    ) -> None:
        self._store = store
        self._ca = ca
        self._session_target = session_target
        self._certificate_life = certificate_life

    async def Enroll(self, request: pb.EnrollRequest, context: Any) -> pb.EnrollResponse:
        try:
            return await self._enroll(request)
        except HomeportError as error:
            log.warning("enrollment refused", peer=context.peer(), host=request.host.hostname, reason=error.message)
            await context.abort(_GRPC_STATUS.get(error.code, grpc.StatusCode.UNAVAILABLE), str(error))
            raise AssertionError from None  # abort raises

    async def _enroll(self, request: pb.EnrollRequest) -> pb.EnrollResponse:
        key_sha256 = public_key_sha256(request.csr)
        host = Host(request.host.hostname, request.host.machine_id, request.host.agent_version)

        def redeem_and_sign(tx: Transaction) -> tuple[Record, bytes]:
            node = redeem(tx, request.join_token, key_sha256, host)
            certificate, serial = self._ca.issue_node(
                node.id, request.csr, self._certificate_life, datetime.fromtimestamp(tx.now, UTC)
            )
            return tx.put_status(Kind.NODE, node.id, {**node.status, "certificate_serial": serial}), certificate

        node, certificate = await self._store.write(redeem_and_sign)
        log.info("node enrolled", node_id=node.id, name=node.spec["name"], nodepool=node.spec["nodepool"])
        return pb.EnrollResponse(
            node_id=node.id,
            certificate_pem=certificate,
            ca_bundle_pem=self._ca.bundle,
            certificate_ttl_seconds=int(self._certificate_life.total_seconds()),
            session_target=self._session_target,
            cluster_id=node.spec["cluster"],
            nodepool_id=node.spec["nodepool"],
        )
