"""An engine that accepts and never answers, one that is not there, and one that is something else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import DriverUnavailable, Handle, RunState
from agent.policy import HostPolicy

HANDLE = Handle("docker", 1, "127.0.0.1", 1234, {"container": "0" * 64})


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[DockerDriver]:
    policy = HostPolicy(engine_socket=str(tmp_path / "engine.sock"))
    driver = DockerDriver(tmp_path / "containers", "n-1", policy, answer_seconds=0.2)
    yield driver
    await driver.close()


async def _serve(path: Path, answer: bytes) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        await reader.read()
        writer.close()

    return await asyncio.start_unix_server(serve, str(path))


@pytest.mark.parametrize("there", [True, False], ids=["hangs", "gone"])
async def test_silence_is_unknown_never_ended(driver: DockerDriver, tmp_path: Path, there: bool) -> None:
    server = await _serve(tmp_path / "engine.sock", b"") if there else None
    reason = "no answer within" if there else "No such file or directory"
    waiting = asyncio.create_task(driver.wait(HANDLE))
    async with asyncio.timeout(30):
        assert (await driver.inspect(HANDLE)).state is RunState.UNKNOWN
        for question in (driver.find_all(), driver.recover("r-1", HANDLE), driver.execute(HANDLE, ("true",), 1)):
            with pytest.raises(DriverUnavailable, match=reason):
                await question
        with pytest.raises(DriverUnavailable, match=reason):
            [chunk async for chunk in driver.logs("r-1", 10, False)]
        assert await driver.stats(HANDLE) is None
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    if server:
        server.close()


async def test_what_is_no_engine_is_said_to_be_none(driver: DockerDriver, tmp_path: Path) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    server = await _serve(tmp_path / "engine.sock", page)
    with pytest.raises(DriverUnavailable, match="is no container engine"):
        await driver._connection.facts()
    server.close()


async def test_no_engine_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("agent.drivers.docker.socket.USUAL_PLACES", (str(tmp_path / "docker.sock"),))
    driver = DockerDriver(tmp_path, "n-1", HostPolicy())
    with pytest.raises(DriverUnavailable, match=r"no container engine here.*install Docker or Podman"):
        await driver.find_all()


async def test_an_engine_on_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(DriverUnavailable, match="must be on this host"):
        await DockerDriver(tmp_path, "n-1", HostPolicy()).find_all()
