"""What every driver must do, told once. `make` says how to get each driver's replicas to behave."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.boot import boot_id
from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import Driver, Found, Handle, Labels, RunState, StartRefused, StartRequest
from agent.drivers.process import table
from agent.drivers.process.driver import ProcessDriver
from agent.drivers.simulated import SimulatedDriver
from agent.policy import HostPolicy
from homeport.core.image_name import full_image_name
from tests.engine import IMAGE, Engine

# Of this run of the tests alone: others run beside it.
_ID = f"r-{os.getpid()}"
_PORT = 20_000 + os.getpid() % 10_000
_GRPC_PORT = _PORT - 10_000
_NODE = f"n-{os.getpid()}"
_LABELS = Labels(_ID, "chat", "p-1", 3, "sha256:0f9a", 2, ("GPU-1", "GPU-2"))

_SERVE = "import time; print('hello', flush=True); time.sleep(600)"
_FAIL = "import sys; print('cannot load', flush=True); sys.exit(3)"
_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('hello', flush=True); time.sleep(600)"
)


@dataclass
class Bench:
    """`another` makes a driver of the same runtime for an agent of the given node."""

    driver: Driver
    another: Callable[[str], Driver]
    serve: StartRequest
    fail: StartRequest
    refuse: StartRequest
    stubborn: StartRequest
    can_count: Callable[[], bool] = lambda: True


def _process(folder: Path) -> Bench:
    def request(*command: str) -> StartRequest:
        return StartRequest(_LABELS, command, {}, "", "", "127.0.0.1", _PORT, grpc_port=_GRPC_PORT)

    return Bench(
        ProcessDriver(folder, _NODE),
        lambda node: ProcessDriver(folder / node if node != _NODE else folder, node),
        request(sys.executable, "-c", _SERVE),
        request(sys.executable, "-c", _FAIL),
        request("no-such-command"),
        request(sys.executable, "-c", _STUBBORN),
    )


def _simulated(folder: Path) -> Bench:
    def request(**env: str) -> StartRequest:
        return StartRequest(_LABELS, (), env, "", "", "127.0.0.1", _PORT, grpc_port=_GRPC_PORT)

    driver = SimulatedDriver()
    return Bench(
        driver,
        lambda node: driver if node == _NODE else SimulatedDriver(),
        request(),
        request(SIMULATED_EXIT_AFTER="0.01", SIMULATED_EXIT_CODE="3"),
        request(SIMULATED_REFUSE="no such image"),
        request(),
    )


def _docker(folder: Path, engine: Engine) -> Bench:
    policy = HostPolicy(engine_socket=str(engine.socket))

    def request(*command: str, image: str = IMAGE) -> StartRequest:
        return StartRequest(_LABELS, command, {}, "", image, "127.0.0.1", _PORT, grpc_port=_GRPC_PORT)

    return Bench(
        DockerDriver(folder, _NODE, policy),
        lambda node: DockerDriver(folder, node, policy),
        request("sh", "-c", "echo hello; exec sleep 600"),
        request("sh", "-c", "echo cannot load; exit 3"),
        request(image="localhost/homeport-test/no-such:1"),
        request("sh", "-c", "trap '' TERM; echo hello; while :; do sleep 1; done"),
        engine.can_count,
    )


@pytest.fixture(params=["process", "simulated", "docker"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    match request.param:
        case "process":
            made = _process(tmp_path)
        case "simulated":
            made = _simulated(tmp_path)
        case _:
            made = _docker(tmp_path, request.getfixturevalue("engine"))
    yield made
    handle = await made.driver.recover(_ID, None)
    if handle:
        await made.driver.stop(handle, 0.1)
    await made.driver.destroy(_ID)
    await made.driver.close()


async def _until_output(driver: Driver) -> None:
    """Interpreters take a moment to install signal handlers; their first line says that they have."""
    async with asyncio.timeout(60):
        async for _ in driver.logs(_ID, 1, True):
            return


async def test_a_started_replica_runs_and_says_where(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    assert (handle.driver, handle.host) == (bench.driver.name, "127.0.0.1")
    assert (handle.port, handle.grpc_port) == (_PORT, _GRPC_PORT)
    assert (await bench.driver.inspect(handle)).state is RunState.RUNNING
    stats = await bench.driver.stats(handle)
    assert stats is not None or not bench.can_count()


async def test_it_says_what_it_drives(bench: Bench) -> None:
    runtime = await bench.driver.runtime()
    has_images = bench.driver.name == "docker"
    assert bool(runtime.name) == has_images
    assert (full_image_name(bench.serve.image) in runtime.images) == has_images


async def test_stop_ends_it_and_may_be_repeated(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    await bench.driver.stop(handle, 10)
    inspection = await bench.driver.inspect(handle)
    assert inspection.state is RunState.EXITED
    assert inspection.exit is not None
    assert inspection.exit.code == -15
    assert await bench.driver.stats(handle) is None
    await bench.driver.stop(handle, 10)


async def test_stop_ends_one_that_ignores_it(bench: Bench) -> None:
    handle = await bench.driver.start(bench.stubborn)
    await _until_output(bench.driver)
    await bench.driver.stop(handle, 0.05)
    assert (await bench.driver.inspect(handle)).state is RunState.EXITED


async def test_wait_tells_how_it_ended_again_and_again(bench: Bench) -> None:
    handle = await bench.driver.start(bench.fail)
    async with asyncio.timeout(60):
        first = await bench.driver.wait(handle)
    assert first.code == 3
    assert "exit code 3" in first.reason
    assert await bench.driver.wait(handle) == first


async def test_a_cancelled_wait_leaves_the_replica_alone(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.driver.wait(handle), 0.01)
    assert (await bench.driver.inspect(handle)).state is RunState.RUNNING


async def test_a_refused_start_says_why_and_runs_nothing(bench: Bench) -> None:
    with pytest.raises(StartRefused, match=r"no.such"):
        await bench.driver.start(bench.refuse)
    assert await bench.driver.recover(_ID, None) is None


async def test_recover_finds_what_runs_with_and_without_a_handle(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    assert await bench.driver.recover(_ID, handle) == handle
    assert await bench.driver.recover(_ID, None) == handle
    assert await bench.driver.recover("r-2", None) is None


async def test_recover_knows_that_it_ended(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    await bench.driver.stop(handle, 10)
    assert await bench.driver.recover(_ID, handle) is None


async def test_what_it_finds_tells_who_it_is(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    assert await bench.driver.find_all() == [Found(_LABELS, handle, RunState.RUNNING)]
    after = bench.another(_NODE)
    assert await after.find_all() == [Found(_LABELS, handle, RunState.RUNNING)]
    await bench.driver.stop(handle, 10)
    assert [(found.labels, found.state) for found in await after.find_all()] == [(_LABELS, RunState.EXITED)]
    await bench.driver.destroy(_ID)
    assert await after.find_all() == []
    await after.close()


async def test_another_agent_on_this_host_has_nothing_to_do_with_it(bench: Bench) -> None:
    await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    stranger = bench.another("n-stranger")
    assert await stranger.find_all() == []
    assert await stranger.recover(_ID, None) is None
    await stranger.close()


async def test_preparing_may_be_repeated(bench: Bench) -> None:
    for _ in range(2):
        await bench.driver.prepare(bench.serve, lambda line: None)


async def test_a_command_runs_beside_it(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    assert (await bench.driver.execute(handle, ("sh", "-c", "exit 0"), 20)).code == 0
    await bench.driver.stop(handle, 10)
    with pytest.raises(StartRefused, match="ended"):
        await bench.driver.execute(handle, ("sh", "-c", "exit 0"), 20)


async def test_a_handle_of_nothing_is_taken_for_ended(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    nobody = {"pid": -7, "number": -7, "container": "0" * 64}
    foreign = replace(handle, data={key: nobody.get(key, value) for key, value in handle.data.items()})
    assert await bench.driver.recover("r-9", foreign) is None
    assert (await bench.driver.inspect(foreign)).state is RunState.EXITED
    await bench.driver.stop(foreign, 1)


async def test_logs_are_whole_lines_and_outlive_the_replica(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    await bench.driver.stop(handle, 10)
    lines = b"".join([chunk async for chunk in bench.driver.logs(_ID, 100, False)])
    assert lines.endswith(b"\n")
    assert lines.count(b"\n") >= 1


async def test_a_second_life_follows_the_first_in_the_log(bench: Bench) -> None:
    first = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    await bench.driver.stop(first, 10)
    before = b"".join([chunk async for chunk in bench.driver.logs(_ID, 100, False)])
    second = await bench.driver.start(bench.fail)
    async with asyncio.timeout(60):
        await bench.driver.wait(second)
    after = b"".join([chunk async for chunk in bench.driver.logs(_ID, 100, False)])
    assert after.startswith(before)
    assert len(after) > len(before)


async def test_destroy_leaves_nothing_behind(bench: Bench) -> None:
    handle = await bench.driver.start(bench.serve)
    await _until_output(bench.driver)
    await bench.driver.stop(handle, 10)
    await bench.driver.destroy(_ID)
    await bench.driver.destroy(_ID)
    assert [chunk async for chunk in bench.driver.logs(_ID, 100, False)] == []


class TestProcess:
    """What only processes can get wrong."""

    @pytest.fixture
    async def driver(self, tmp_path: Path) -> AsyncIterator[ProcessDriver]:
        driver = ProcessDriver(tmp_path, _NODE, log_bytes=1000)
        yield driver
        handle = await driver.recover(_ID, None)
        if handle:
            await driver.stop(handle, 0.1)
        await driver.close()

    async def test_gets_its_port_and_ids_and_little_else(
        self, driver: ProcessDriver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A_SECRET_OF_THE_AGENT", "x")
        await driver.wait(await driver.start(_run("import os; print(sorted(os.environ.items()))", FLAVOUR="mild")))
        environment = b"".join([chunk async for chunk in driver.logs(_ID, 10, False)]).decode()
        for pair in (
            f"('PORT', '{_PORT}')",
            f"('HOMEPORT_REPLICA_ID', '{_ID}')",
            "('HOMEPORT_DEPLOYMENT_ID', 'chat')",
            "('FLAVOUR', 'mild')",
            "('CUDA_VISIBLE_DEVICES', '')",
        ):
            assert pair in environment
        assert "A_SECRET_OF_THE_AGENT" not in environment

    async def test_sees_the_gpus_that_it_was_given(self, driver: ProcessDriver) -> None:
        request = replace(_run("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"), gpu_uuids=("GPU-a", "GPU-b"))
        await driver.wait(await driver.start(request))
        assert [chunk async for chunk in driver.logs(_ID, 1, False)] == [b"GPU-a,GPU-b\n"]

    async def test_a_command_beside_it_has_its_environment(self, driver: ProcessDriver) -> None:
        handle = await driver.start(_run(_SERVE, FLAVOUR="mild"))
        await _until_output(driver)
        told = await driver.execute(handle, ("sh", "-c", "pwd; echo $FLAVOUR; echo oh >&2; exit 3"), 20)
        assert (told.code, told.output.splitlines()[1:]) == (3, ["mild", "oh"])
        assert told.output.splitlines()[0].endswith(_ID)
        long = await driver.execute(handle, ("sh", "-c", "seq 10000"), 20)
        assert long.output.endswith("\n9999\n10000\n")
        assert len(long.output) <= 4096

    async def test_a_command_beside_it_is_not_taken_for_it(self, driver: ProcessDriver) -> None:
        handle = await driver.start(_run(_SERVE))
        await _until_output(driver)
        running = asyncio.create_task(driver.execute(handle, ("sh", "-c", "echo here >> output.log; sleep 600"), 600))
        async for chunk in driver.logs(_ID, 10, True):
            if b"here" in chunk:
                break
        assert [found.handle for found in await driver.find_all()] == [handle]
        await driver.stop(handle, 0)
        assert [found.state for found in await driver.find_all()] == [RunState.EXITED]
        running.cancel()
        await asyncio.wait({running})

    async def test_a_command_beside_it_ends_in_time_or_is_refused(self, driver: ProcessDriver) -> None:
        handle = await driver.start(_run(_SERVE))
        await _until_output(driver)
        with pytest.raises(TimeoutError):
            await driver.execute(handle, ("sh", "-c", "sleep 600 & sleep 600"), 0.1)
        with pytest.raises(StartRefused, match="'no-such' is not on this host"):
            await driver.execute(handle, ("no-such",), 20)

    async def test_the_last_line_explains_the_exit(self, driver: ProcessDriver) -> None:
        exit = await driver.wait(await driver.start(_run("import sys; print('no weights'); sys.exit(1)")))
        assert exit.reason == "exit code 1: no weights"

    async def test_a_helper_process_dies_with_its_replica(self, driver: ProcessDriver) -> None:
        code = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); sys.exit(1)"
        await driver.wait(await driver.start(_run(code)))
        helper = int(b"".join([chunk async for chunk in driver.logs(_ID, 1, False)]))
        await _until_dead(helper)

    async def test_a_relative_command_is_found_in_a_relative_working_directory(
        self, driver: ProcessDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "models" / "bin").mkdir(parents=True)
        (tmp_path / "models" / "bin" / "serve").write_text("#!/bin/sh\npwd\n")
        (tmp_path / "models" / "bin" / "serve").chmod(0o755)
        monkeypatch.chdir(tmp_path)
        request = replace(_run(""), command=("bin/serve",), working_directory="models")
        await driver.wait(await driver.start(request))
        assert [chunk async for chunk in driver.logs(_ID, 1, False)] == [f"{tmp_path}/models\n".encode()]

    async def test_missing_working_directory_is_refused(self, driver: ProcessDriver) -> None:
        with pytest.raises(StartRefused, match="working directory /nowhere does not exist"):
            await driver.start(replace(_run("pass"), working_directory="/nowhere"))

    async def test_a_pid_of_another_process_is_not_adopted(self, driver: ProcessDriver) -> None:
        data = {
            "pid": os.getpid(),
            "start_ticks": 1,
            "boot_id": boot_id(),
        }
        assert await driver.recover(_ID, Handle("process", 1, "127.0.0.1", 1, data)) is None

    async def test_a_handle_of_another_boot_is_not_adopted(self, driver: ProcessDriver) -> None:
        handle = await driver.start(_run("import time; time.sleep(600)"))
        old = replace(handle, data={**handle.data, "boot_id": "another"})
        fresh = ProcessDriver(Path("/nonexistent"), _NODE)
        assert await fresh.recover(_ID, old) is None

    async def test_output_is_rotated_and_a_tail_reaches_behind_it(self, driver: ProcessDriver) -> None:
        await driver.wait(await driver.start(_run("for n in range(100): print('x' * 30, n)")))
        await driver.tend()
        await driver.wait(await driver.start(_run("print('after', flush=True)")))
        lines = b"".join([chunk async for chunk in driver.logs(_ID, 2, False)])
        assert lines == b"x" * 30 + b" 99\nafter\n"


def _run(code: str, **env: str) -> StartRequest:
    return StartRequest(Labels(_ID, "chat"), (sys.executable, "-c", code), env, "", "", "127.0.0.1", _PORT)


async def _until_dead(pid: int) -> None:
    async with asyncio.timeout(60):
        while True:
            entry = table.read(pid)
            if entry is None or entry.ended:
                return
            await asyncio.sleep(0.01)
