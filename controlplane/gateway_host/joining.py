"""How a host becomes a gateway: a join token is traded for a certificate. Safe to do again when the reply was lost."""

import hashlib
import socket
import time

import grpc
import structlog
from homeport_proto.v1 import enrollment_pb2 as pb
from homeport_proto.v1 import enrollment_pb2_grpc
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from controlplane.gateway_host.identity import HostIdentity, make_csr
from homeport import __version__
from homeport.core.errors import ErrorCode, HomeportError
from homeport.first_trust import JoinToken, fetch_pinned_ca, parse_join_token
from homeport.identity import SERVER_NAME
from homeport.target import join_target, resolve_target, split_target

log = structlog.get_logger()

ENROLL_PORT = 8442
_CALL_SECONDS = 15.0
# Certificates begin five minutes before they are made.
_BEHIND_SECONDS = 270.0
_WARN_SECONDS = 30.0
_CODES = {
    grpc.StatusCode.UNAUTHENTICATED: ErrorCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: ErrorCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT: ErrorCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorCode.TOO_MANY_REQUESTS,
}
_SET_THE_CLOCK = "set this host's clock, best with NTP, and start it again: the token still fits for ten minutes"


def token_sha256(token: str) -> str:
    return hashlib.sha256(token.strip().encode()).hexdigest()


def join(server: str, token_text: str, key: bytes) -> HostIdentity:
    """`server` is host:port of the enrollment port. Blocks. Raises HomeportError with the fix."""
    token = parse_join_token(token_text)
    host, port = split_target(server, ENROLL_PORT)
    target = join_target(host, port)
    answer = _ask(target, fetch_pinned_ca(host, port, token.pin), token, make_csr(key))
    check_clock(time.time() - answer.server_time)
    log.info("this host is a gateway now", name=answer.name, control_plane=target)
    return HostIdentity(
        name=answer.name,
        session_target=resolve_target(answer.session_target, target),
        joined_with=token_sha256(token.text),
        key=key.decode(),
        certificate=answer.certificate_pem.decode(),
        ca=answer.ca_bundle_pem.decode(),
        issued_at=time.time(),
        ttl_seconds=float(answer.certificate_ttl_seconds),
    )


def check_clock(ahead: float) -> None:
    """`ahead` of the control plane's, seconds. Raises HomeportError where certificates would not be valid yet."""
    if ahead < -_BEHIND_SECONDS:
        behind = f"this host's clock is {-ahead:.0f} s behind the control plane's: no certificate is valid here yet"
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, behind, hint=_SET_THE_CLOCK)
    if abs(ahead) > _WARN_SECONDS:
        log.warning("this host's clock is not the control plane's", ahead_seconds=round(ahead))


def _ask(target: str, ca: bytes, token: JoinToken, csr: bytes) -> pb.EnrollGatewayResponse:
    facts = pb.HostFacts(hostname=socket.gethostname(), agent_version=__version__)
    request = pb.EnrollGatewayRequest(join_token=token.text, csr=csr, host=facts)
    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(4),
        wait=wait_random_exponential(0.2, 2.0),
        reraise=True,
    )
    credentials = grpc.ssl_channel_credentials(root_certificates=ca)
    try:
        with grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", SERVER_NAME)]) as channel:
            stub = enrollment_pb2_grpc.EnrollmentStub(channel)
            return retrying(stub.EnrollGateway, request, timeout=_CALL_SECONDS)
    except grpc.RpcError as error:
        raise explained(target, error) from None


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, grpc.RpcError) and error.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )


def explained(target: str, error: grpc.RpcError) -> HomeportError:
    code, details = error.code(), (error.details() or "").strip()
    if code in _CODES:
        # The control plane says what to do.
        return HomeportError(_CODES[code], details)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return HomeportError(
            ErrorCode.UNAVAILABLE,
            f"the control plane at {target} knows no gateways on hosts of their own",
            hint="is this its enrollment port (8442 unless changed), and is it of this release or a newer one?",
        )
    if "CERTIFICATE_VERIFY_FAILED" in details:
        return HomeportError(
            ErrorCode.UNAVAILABLE,
            f"the certificate of the control plane at {target} is not valid by this host's clock",
            hint=_SET_THE_CLOCK,
        )
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"the control plane at {target} does not answer: {details or code.name}",
        hint="check that it runs, that the port is the right one (to join 8442 unless changed), and that this host may "
        "open connections to it",
    )
