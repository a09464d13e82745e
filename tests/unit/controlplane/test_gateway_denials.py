"""What a gateway denies is in the audit log: once, with whose token it was, and without any text of one."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from controlplane.auth.access_tokens import create_access_token
from controlplane.gateway.denials import GatewayDenials
from controlplane.store.audit import AuditQuery
from controlplane.store.memory import MemoryStore
from homeport.core import canonical
from homeport.core.errors import ErrorCode
from homeport.gateway.callers.denial import Denial
from homeport.gateway.callers.waiting_denials import WaitingDenials
from tests.fakes.clock import FakeClock
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import ModelServer

WRONG = Denial("", "192.0.2.1", "r1", "POST /d/chat/x", ErrorCode.UNAUTHENTICATED, "a valid access token is needed")


@pytest.fixture
async def plane() -> AsyncIterator[tuple[DataPlane, list[Denial]]]:
    denied: list[Denial] = []
    async with DataPlane() as plane:
        plane.gateway.on_denied = denied.append
        await plane.serve(ModelServer())
        yield plane, denied


async def test_a_gateway_tells_of_wrong_tokens_and_of_what_a_token_may_not(
    plane: tuple[DataPlane, list[Denial]],
) -> None:
    data, denied = plane
    data.principals["hp1.other.secret"] = TestPrincipal("other", models=frozenset({"another"}))
    client = await data.connect()
    assert (await client.ask("POST", "/d/chat/x?key=planted", b"{}"))[0] == 200
    assert (await client.ask("POST", "/d/chat/x?key=planted", b"{}", token="hp1.no.planted"))[0] == 401
    assert (await client.ask("POST", "/d/chat/y", b"{}", token="hp1.other.secret"))[0] == 403
    said = [(each.token_id, each.request, each.code) for each in denied]
    assert said == [
        ("", "POST /d/chat/x", ErrorCode.UNAUTHENTICATED),
        ("other", "POST /d/chat/y", ErrorCode.PERMISSION_DENIED),
    ]
    assert {each.address for each in denied} == {"127.0.0.1"}
    assert "planted" not in str(denied)
    assert all(each.request_id for each in denied)


async def test_who_sends_no_token_was_denied_nothing(plane: tuple[DataPlane, list[Denial]]) -> None:
    data, denied = plane
    client = await data.connect()
    client.writer.write(b"GET /v1/models HTTP/1.1\r\nhost: gateway\r\n\r\n")
    assert (await client.answer())[0] == 401
    assert denied == []


def test_a_flood_of_one_leaves_room_for_others() -> None:
    clock = FakeClock()
    waiting = WaitingDenials(clock)
    for _ in range(5_000):
        waiting.note(WRONG)
    waiting.note(Denial("t1", "192.0.2.1", "r2", "GET /v1/models", ErrorCode.PERMISSION_DENIED, "no"))
    taken = waiting.take()
    assert [each.token_id for each in taken] == [""] * 30 + ["t1"]
    assert waiting.take() == []
    clock.advance(61)
    waiting.note(WRONG)
    assert len(waiting.take()) == 1


async def test_the_control_plane_writes_them_down_with_the_tokens_owner() -> None:
    store = MemoryStore()
    await store.open()
    token, text = await store.write(lambda tx: create_access_token(tx, "test", "service_account/ci"))
    denials = GatewayDenials(store)
    waiting = WaitingDenials(FakeClock())
    waiting.note(WRONG)
    waiting.note(Denial(token.id, "192.0.2.1", "r2", "GET /v1/models", ErrorCode.PERMISSION_DENIED, "not for you"))
    # As it travels: JSON on a socket.
    denials.hear(json.loads(json.dumps(canonical.to_plain(waiting.take()))))
    # Of a site that was cut off.
    denials.note(Denial("", "10.0.0.9", "r3", "GET /x", ErrorCode.UNAUTHENTICATED, "wrong", 1_700_000_000.0, "n1"))
    writing = asyncio.create_task(denials.run())
    async with asyncio.timeout(60):
        while len(entries := await store.audit_entries(AuditQuery())) < 3:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    writing.cancel()
    said = sorted((each.actor, each.token_id, each.action, each.details["request"]) for each in entries)
    assert said == [
        ("", "", "sign-in", "gateway POST /d/chat/x"),
        ("", "", "sign-in", "gateway of node n1: GET /x"),
        ("service_account/ci", token.id, "request", "gateway GET /v1/models"),
    ]
    reasons = [each.details["reason"] for each in entries]
    assert "wrong (on 2023-11-14T22:13:20Z, told later)" in reasons
    assert text.split(".")[2] not in str(entries)
