"""Joining, against a real TLS server with a throwaway CA."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from agent.link.csr import make_key
from agent.link.enroll import enroll
from agent.state.identity import Identity, IdentityStore
from homeport.core.errors import ErrorCode, HomeportError
from homeport.first_trust import parse_join_token
from tests.fakes.certs import make_ca
from tests.fakes.control_plane import FakeControlPlane


@pytest.fixture
async def plane() -> AsyncIterator[FakeControlPlane]:
    async with FakeControlPlane() as plane:
        yield plane


@pytest.fixture
def store(tmp_path: Path) -> IdentityStore:
    return IdentityStore(tmp_path / "identity")


@pytest.fixture
def plain_port() -> Iterator[int]:
    """Something that answers, and speaks no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()
            except OSError:
                return

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


async def _join(port: int, token: str, store: IdentityStore) -> Identity:
    return await asyncio.to_thread(enroll, f"127.0.0.1:{port}", token, store, "box")


async def test_a_host_becomes_a_node(plane: FakeControlPlane, store: IdentityStore) -> None:
    identity = await _join(plane.enroll_port, plane.join_token(), store)
    assert store.load() == identity
    assert identity.node_id == plane.node_id
    assert identity.session_target == f"127.0.0.1:{plane.session_port}"
    (request,) = plane.enrolled
    assert request.host.hostname == "box"
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    key = serialization.load_pem_private_key(identity.key, password=None)
    assert certificate.public_key() == key.public_key()


async def test_a_lost_reply_is_asked_for_again_with_the_same_key(plane: FakeControlPlane, store: IdentityStore) -> None:
    plane.lose_enroll_replies = 1
    await _join(plane.enroll_port, plane.join_token(), store)
    first, second = plane.enrolled
    assert first.csr and _public_key(first.csr) == _public_key(second.csr)


async def test_the_key_survives_an_agent_that_died_waiting(plane: FakeControlPlane, store: IdentityStore) -> None:
    token = parse_join_token(plane.join_token())
    key = make_key()
    store.save_joining_key(token.token_id, key)
    identity = await _join(plane.enroll_port, token.text, store)
    assert identity.key == key
    assert store.joining_key(token.token_id) is None


async def test_the_key_is_on_the_disk_before_it_is_used(plane: FakeControlPlane, store: IdentityStore) -> None:
    plane.enroll_error = (grpc.StatusCode.UNAUTHENTICATED, "the join token is used (make a new one)")
    with pytest.raises(HomeportError, match=r"used \(make a new one\)") as refused:
        await _join(plane.enroll_port, plane.join_token(), store)
    assert refused.value.code is ErrorCode.UNAUTHENTICATED
    key = store.joining_key("abc123")
    assert key is not None
    assert _public_key(plane.enrolled[0].csr) == _spki(serialization.load_pem_private_key(key, None).public_key())
    assert store.load() is None


async def test_another_control_plane_is_refused_before_it_hears_the_token(
    plane: FakeControlPlane, store: IdentityStore
) -> None:
    token = f"hp1.abc123.s3cret.{make_ca().pin}"
    with pytest.raises(HomeportError, match="not the one that made this join token"):
        await _join(plane.enroll_port, token, store)
    assert plane.enrolled == []


async def test_nobody_there(store: IdentityStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HomeportError, match=r"cannot reach the control plane at 127.0.0.1.*refused"):
        await _join(port, f"hp1.a.b.{'0' * 64}", store)


async def test_a_port_of_something_else(plain_port: int, store: IdentityStore) -> None:
    with pytest.raises(HomeportError, match=r"not the enrollment port.*8442"):
        await _join(plain_port, f"hp1.a.b.{'0' * 64}", store)


async def test_the_session_port_instead(plane: FakeControlPlane, store: IdentityStore) -> None:
    with pytest.raises(HomeportError, match="8442"):
        await _join(plane.session_port, plane.join_token(), store)


@pytest.mark.parametrize("token", ["", "hp1.a.b", f"hp2.a.b.{'0' * 64}", "hp1.a.b.short", f"hp1..b.{'0' * 64}"])
async def test_no_join_token(token: str, store: IdentityStore) -> None:
    with pytest.raises(HomeportError, match="not a join token"):
        await _join(1, token, store)


async def test_a_host_joins_once(plane: FakeControlPlane, store: IdentityStore) -> None:
    await _join(plane.enroll_port, plane.join_token(), store)
    with pytest.raises(HomeportError, match=f"node {plane.node_id}.*--state-dir"):
        await _join(plane.enroll_port, plane.join_token(), store)
    assert len(plane.enrolled) == 1


def _public_key(csr: bytes) -> bytes:
    return _spki(x509.load_der_x509_csr(csr).public_key())


def _spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
