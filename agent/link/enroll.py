"""Joining: a token becomes a node identity. Synchronous and run once; safe to run again when the reply was lost."""

import platform
import socket
from pathlib import Path

import grpc
from homeport_proto.v1 import enrollment_pb2 as pb
from homeport_proto.v1 import enrollment_pb2_grpc
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from agent.link.csr import make_csr, make_key
from agent.state.identity import Identity, IdentityStore, received_now
from homeport import __version__
from homeport.core.errors import ErrorCode, HomeportError
from homeport.first_trust import JoinToken, fetch_pinned_ca, parse_join_token
from homeport.identity import SERVER_NAME
from homeport.target import join_target, resolve_target, split_target

DEFAULT_PORT = 8442
_CALL_SECONDS = 15.0
_CODES = {
    grpc.StatusCode.UNAUTHENTICATED: ErrorCode.UNAUTHENTICATED,
    grpc.StatusCode.INVALID_ARGUMENT: ErrorCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION: ErrorCode.CONFLICT,
    grpc.StatusCode.ALREADY_EXISTS: ErrorCode.ALREADY_EXISTS,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorCode.STORAGE_FULL,
}


def enroll(server: str, token_text: str, store: IdentityStore, name: str = "") -> Identity:
    """Joins this host and saves who it is. `name` replaces the hostname. Raises HomeportError with the fix."""
    held = store.load()
    if held is not None:
        raise HomeportError(
            ErrorCode.ALREADY_EXISTS,
            f"this state directory belongs to node {held.node_id} of {held.session_target} already",
            hint="run the agent with it, or join with another --state-dir",
        )
    token = parse_join_token(token_text)
    host, port = split_target(server, DEFAULT_PORT)
    ca = fetch_pinned_ca(host, port, token.pin)
    key = store.joining_key(token.token_id)
    if key is None:
        key = make_key()
        # On the disk before anybody can bind the token to it: the token is good for this key only.
        store.save_joining_key(token.token_id, key)
    answer = _ask(join_target(host, port), ca, token, make_csr(key), name)
    identity = Identity(
        node_id=answer.node_id,
        cluster_id=answer.cluster_id,
        nodepool_id=answer.nodepool_id,
        session_target=resolve_target(answer.session_target, join_target(host, port)),
        key=key,
        certificate=answer.certificate_pem,
        ca=answer.ca_bundle_pem,
        certificate_ttl_seconds=answer.certificate_ttl_seconds,
        enroll_target=join_target(host, port),
        **received_now(),
    )
    store.save(identity)
    store.drop_joining_key(token.token_id)
    return identity


def _ask(target: str, ca: bytes, token: JoinToken, csr: bytes, name: str) -> pb.EnrollResponse:
    request = pb.EnrollRequest(join_token=token.text, csr=csr, host=_host_facts(name))
    credentials = grpc.ssl_channel_credentials(root_certificates=ca)
    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(4),
        wait=wait_random_exponential(0.2, 2.0),
        reraise=True,
    )
    try:
        with grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", SERVER_NAME)]) as channel:
            stub = enrollment_pb2_grpc.EnrollmentStub(channel)
            return retrying(stub.Enroll, request, timeout=_CALL_SECONDS)
    except grpc.RpcError as error:
        raise _explained(target, error) from None


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, grpc.RpcError) and error.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )


def _explained(target: str, error: grpc.RpcError) -> HomeportError:
    code, details = error.code(), error.details() or ""
    if code in _CODES:
        return HomeportError(_CODES[code], details)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return HomeportError(
            ErrorCode.UNAVAILABLE,
            f"{target} is the right control plane but not its enrollment port",
            hint="give --server the enrollment port, 8442 unless it was changed",
        )
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"the control plane at {target} did not answer the join request: {details}",
        hint="check that the port is the enrollment port (8442 unless changed), then run the same command again: "
        "the token still fits",
    )


def _host_facts(name: str) -> pb.HostFacts:
    return pb.HostFacts(
        hostname=name or socket.gethostname(),
        machine_id=_machine_id(),
        architecture=platform.machine(),
        operating_system=platform.system(),
        agent_version=__version__,
    )


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""
