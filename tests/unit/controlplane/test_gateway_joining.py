"""A host that becomes a gateway, against the real enrollment port; and what it is told where it cannot."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homeport_proto.v1 import enrollment_pb2_grpc

from controlplane.auth.ca import CertificateAuthority, open_ca
from controlplane.auth.credentials import enrollment_credentials
from controlplane.auth.gateway_tokens import GatewayTokens
from controlplane.auth.join_tokens import JoinTokens
from controlplane.gateway_host.identity import HostIdentity, IdentityFiles
from controlplane.gateway_host.joining import check_clock, join
from controlplane.sessions.enrollment_service import EnrollmentService
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.errors import HomeportError
from homeport.grpc_listener import bind


@dataclass
class Door:
    store: MemoryStore
    ca: CertificateAuthority
    target: str
    files: IdentityFiles

    async def token(self) -> str:
        token, _ = await self.store.write(lambda tx: GatewayTokens(self.ca.pin).create(tx, "edge", 300))
        return token

    async def join(self, token: str, target: str = "") -> HostIdentity:
        return await asyncio.to_thread(join, target or self.target, token, self.files.key())

    async def refusal(self, token: str, target: str = "") -> HomeportError:
        with pytest.raises(HomeportError) as caught:
            await self.join(token, target)
        return caught.value


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    store, ca = MemoryStore(), open_ca(tmp_path)
    await store.open()
    server, port = bind("127.0.0.1:0", "--enroll-port", enrollment_credentials(ca.issue_server(datetime.now(UTC))))
    service = EnrollmentService(store, ca, ":8443", timedelta(days=1))
    enrollment_pb2_grpc.add_EnrollmentServicer_to_server(service, server)
    await server.start()
    yield Door(store, ca, f"127.0.0.1:{port}", IdentityFiles(tmp_path))
    await server.stop(None)


async def test_it_is_the_gateway_that_its_token_names(door: Door, tmp_path: Path) -> None:
    token = await door.token()
    identity = await door.join(token)
    assert (identity.name, identity.session_target) == ("edge", "127.0.0.1:8443")
    again = await door.join(token)
    assert again.name == "edge", "a lost reply may be asked for again"
    door.files.save(again)
    assert IdentityFiles(tmp_path).load() == again
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in ("gateway.json", "gateway-key.pem"))
    (tmp_path / "gateway.json").write_text("{}")
    with pytest.raises(HomeportError, match="cannot be read"):
        IdentityFiles(tmp_path).load()


async def test_what_stands_in_the_way_is_told_with_its_fix(door: Door) -> None:
    token = await door.token()
    wrong = ".".join([*token.split(".")[:2], "wrong", token.split(".")[3]])
    for refused in (await door.refusal(wrong), await door.refusal(await _of_a_node(door))):
        assert "unknown, used or expired" in refused.message
        assert str(refused).count("homeport gateway join-token") == 1
    assert "not a join token" in (await door.refusal("edge")).message
    foreign = token.replace(door.ca.pin, "0" * 64)
    assert "is not the one that made this join token" in (await door.refusal(foreign)).message
    nobody = await door.refusal(token, "127.0.0.1:1")
    assert "cannot reach the control plane at 127.0.0.1:1" in nobody.message
    assert nobody.hint


async def _of_a_node(door: Door) -> str:
    def make(tx: Transaction) -> str:
        tx.create(Kind.NODEPOOL, "home/default", {"id": "default", "max_instances": 3})
        return JoinTokens(door.ca.pin).create(tx, "home/default", 300)[1]

    return await door.store.write(make)


def test_a_clock_that_is_behind_is_told_before_anything_fails_by_it() -> None:
    check_clock(0.0)
    check_clock(-60.0)
    check_clock(3600.0)
    with pytest.raises(HomeportError, match="600 s behind") as caught:
        check_clock(-600.0)
    assert "NTP" in caught.value.hint
