"""One line for each request, however it ends; none of them holds a secret; and the file may be moved away."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from homeport.gateway.telemetry.access_log import AccessLog
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import Call, ModelServer

FIELDS = {
    *("time", "request_id", "trace_id", "client", "token_id", "project", "method", "path", "deployment", "revision"),
    *("node", "replica", "status", "request_bytes", "response_bytes", "queue_ms", "first_byte_ms", "duration_ms"),
    *("retries", "error"),
}


def lines_in(path: Path) -> list[dict[str, Any]]:
    """Those that are written to their ends."""
    whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


async def until(path: Path, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while len(found := lines_in(path)) < count:  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[DataPlane]:
    async with DataPlane(project="web") as plane:
        plane.gateway.write_access_log(str(tmp_path / "access.log"))
        yield plane


async def test_what_a_line_says(plane: DataPlane, tmp_path: Path) -> None:
    await plane.serve(ModelServer())
    client = await plane.connect()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = f"x-request-id: mine\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\nx-secret: planted\r\n"
    assert (await client.ask("POST", "/d/chat/x?key=planted", b"planted", headers))[0] == 200
    [line] = await until(tmp_path / "access.log", 1)
    assert line.keys() == FIELDS
    said = {key: line[key] for key in ("request_id", "trace_id", "client", "token_id", "project", "method", "path")}
    assert said == {
        "request_id": "mine",
        "trace_id": trace,
        "client": "127.0.0.1",
        "token_id": "test",
        "project": "web",
        "method": "POST",
        "path": "/d/chat/x",
    }
    went = [line[key] for key in ("deployment", "revision", "node", "replica", "status", "retries", "error")]
    assert went == ["chat", 1, "node-1", "node-1-replica-0", 200, 0, ""]
    assert (line["request_bytes"], line["response_bytes"]) == (7, 7)
    assert 0 < line["first_byte_ms"] <= line["duration_ms"]
    assert line["time"].endswith("Z")
    assert "planted" not in (tmp_path / "access.log").read_text()
    assert "hp1." not in (tmp_path / "access.log").read_text()


async def test_requests_that_come_to_nothing_have_their_lines(plane: DataPlane, tmp_path: Path) -> None:
    async def hang(call: Call) -> None:
        await call.gone.wait()

    plane.principals["hp1.other.secret"] = TestPrincipal("other", models=frozenset({"another"}))
    await plane.serve(ModelServer(hang))
    client = await plane.connect()
    assert (await client.ask("GET", "/healthz"))[0] == 200
    assert (await client.ask("POST", "/d/chat/x", b"1", token="hp1.wrong.secret"))[0] == 401
    assert (await client.ask("POST", "/d/chat/x", b"1", token="hp1.other.secret"))[0] == 403
    assert (await client.ask("POST", "/nowhere", b"1"))[0] == 404
    assert (await client.ask("GET", "/v1/models"))[0] == 200
    client.send("POST", "/d/chat/left", b"1")
    await plane.until(lambda: plane.gateway.counters.of("chat").in_flight == 1)
    client.close()
    lines = await until(tmp_path / "access.log", 5)
    ends = [(line["path"], line["status"], line["error"], line["token_id"]) for line in lines]
    assert ends == [
        ("/d/chat/x", 401, "unauthenticated", ""),
        ("/d/chat/x", 403, "permission_denied", "other"),
        ("/nowhere", 404, "not_found", ""),
        ("/v1/models", 200, "", "test"),
        ("/d/chat/left", 0, "client_left", "test"),
    ]
    assert lines[-1]["first_byte_ms"] is None
    assert lines[-1]["node"] == "node-1"


async def test_a_file_that_is_moved_away_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeport.gateway.telemetry.access_log._LOOK_SECONDS", 0.0)
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    log.note(0.0, {"number": 1})
    await until(path, 1)
    path.rename(tmp_path / "access.log.1")
    log.note(0.0, {"number": 2})
    assert [line["number"] for line in await until(path, 1)] == [2]
    # What copytruncate does: those that come later stand at the beginning again.
    path.write_text("")
    log.note(0.0, {"number": 3})
    assert [line["number"] for line in await until(path, 1)] == [3]
    assert [line["number"] for line in lines_in(tmp_path / "access.log.1")] == [1]
    log.close()
    assert log.dropped == 0


async def test_what_cannot_be_written_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "access.log"
    log = AccessLog(str(path))
    log.note(0.0, {"number": 1})
    async with asyncio.timeout(60):
        while not log.dropped:  # noqa: ASYNC110 - a thread counts
            await asyncio.sleep(0.01)
    path.parent.mkdir()
    log.note(0.0, {"number": 2})
    assert [line["number"] for line in await until(path, 1)] == [2]
    log.close()
    assert log.dropped == 1


async def test_more_than_the_disk_takes_is_dropped_and_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path), most_waiting=10)
    # All of one turn: nothing of it is written meanwhile.
    for number in range(25):
        log.note(0.0, {"number": number})
    assert [line["number"] for line in await until(path, 10)] == list(range(10))
    log.close()
    assert log.dropped == 15


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(str(path))
    for number in range(100):
        log.note(0.0, {"number": number})
    log.close()
    assert [line["number"] for line in await until(path, 100)] == list(range(100))


async def test_another_file_takes_over_at_once(plane: DataPlane, tmp_path: Path) -> None:
    await plane.serve(ModelServer())
    client = await plane.connect()
    await client.ask("POST", "/d/chat/first", b"1")
    plane.gateway.write_access_log(str(tmp_path / "another.log"))
    await client.ask("POST", "/d/chat/second", b"1")
    plane.gateway.write_access_log("")
    await client.ask("POST", "/d/chat/third", b"1")
    assert [line["path"] for line in await until(tmp_path / "access.log", 1)] == ["/d/chat/first"]
    assert [line["path"] for line in await until(tmp_path / "another.log", 1)] == ["/d/chat/second"]
