"""What happens to containers when their engine, or the agent, is not there for a while."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import DriverUnavailable, Handle, RunState, Unkillable
from tests.engine import PrivateEngine
from tests.system.containers.requests import request

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("containers")]

Make = Callable[..., DockerDriver]


@pytest.fixture
async def driver(make_driver: Make) -> AsyncIterator[DockerDriver]:
    driver = make_driver()
    yield driver
    for found in await driver.find_all():
        await driver.destroy(found.labels.replica_id)
    await driver.close()


def _main_pid(engine: PrivateEngine, handle: Handle) -> int:
    pid: int = engine.call("GET", f"/containers/{handle.data['container']}/json")["State"]["Pid"]
    return pid


@contextlib.contextmanager
def _frozen(pid: int) -> Iterator[None]:
    """Its group hangs as in a broken device driver, SIGKILL or not; the engine could thaw a group of its own making."""
    groups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    group = next((line.rpartition(":")[2] for line in groups if ":freezer:" in line), None)
    if group is None:
        pytest.skip("this host has no freezer of cgroup v1: no process can be made to survive SIGKILL")
    freezer = Path("/sys/fs/cgroup/freezer")
    ours = freezer / f"homeport-test-{pid}"
    ours.mkdir()
    for member in (freezer / group[1:] / "cgroup.procs").read_text().split():
        (ours / "cgroup.procs").write_text(member)
    (ours / "freezer.state").write_text("FROZEN")
    try:
        yield
    finally:
        (ours / "freezer.state").write_text("THAWED")


async def test_a_restart_of_the_engine_restarts_no_replica(driver: DockerDriver, engine: PrivateEngine) -> None:
    handle = await driver.start(request("r-1", "sh", "-c", "echo up; exec sleep 600"))
    pid = _main_pid(engine, handle)
    waiting = asyncio.create_task(driver.wait(handle))
    engine.stop()

    assert (await driver.inspect(handle)).state is RunState.UNKNOWN
    assert await driver.stats(handle) is None
    for question in (driver.recover("r-1", handle), driver.recover("r-1", None), driver.find_all()):
        with pytest.raises(DriverUnavailable, match="does not answer"):
            await question
    os.kill(pid, 0)
    assert not waiting.done()

    engine.start()
    assert (await driver.inspect(handle)).state is RunState.RUNNING
    assert _main_pid(engine, handle) == pid
    assert await driver.recover("r-1", None) == handle
    await driver.stop(handle, 5)
    assert (await asyncio.wait_for(waiting, 60)).reason == "killed by SIGTERM: up"


async def test_what_is_stopped_while_the_engine_is_away_ends_when_it_is_back(
    driver: DockerDriver, engine: PrivateEngine
) -> None:
    handle = await driver.start(request("r-1", "sleep", "600"))
    engine.stop()
    stopping = asyncio.create_task(driver.stop(handle, 1))
    destroying = asyncio.create_task(driver.destroy("r-1"))
    assert (await asyncio.wait({stopping, destroying}, timeout=2))[0] == set()
    engine.start()
    await asyncio.wait_for(asyncio.gather(stopping, destroying), 60)
    assert await driver.find_all() == []


async def test_a_socket_that_is_gone_for_a_while_means_nothing(
    driver: DockerDriver, make_driver: Make, engine: PrivateEngine
) -> None:
    handle = await driver.start(request("r-1", "sleep", "600"))
    away = engine.socket.with_suffix(".away")
    engine.socket.rename(away)
    after = make_driver()  # the first one's connections stay open
    try:
        assert (await after.inspect(handle)).state is RunState.UNKNOWN
        with pytest.raises(DriverUnavailable, match="No such file or directory"):
            await after.find_all()
    finally:
        away.rename(engine.socket)
    assert (await after.inspect(handle)).state is RunState.RUNNING
    assert len(await after.find_all()) == 1
    await after.close()


async def test_a_frozen_engine_is_given_up_in_time(make_driver: Make, engine: PrivateEngine) -> None:
    driver = make_driver()
    handle = await driver.start(request("r-1", "sleep", "600"))
    hasty = make_driver(answer_seconds=0.5)
    engine.signal(signal.SIGSTOP)
    try:
        assert (await asyncio.wait_for(hasty.inspect(handle), 30)).state is RunState.UNKNOWN
        with pytest.raises(DriverUnavailable, match=r"no answer within 0\.5 s"):
            await asyncio.wait_for(hasty.find_all(), 30)
    finally:
        engine.signal(signal.SIGCONT)
    assert (await driver.inspect(handle)).state is RunState.RUNNING
    await driver.destroy("r-1")
    await hasty.close()
    await driver.close()


async def test_a_follower_sees_each_line_once_across_a_restart_of_the_engine(
    driver: DockerDriver, engine: PrivateEngine
) -> None:
    lines = "for n in $(seq 30); do echo $n; sleep 0.2; done"
    handle = await driver.start(request("r-1", "sh", "-c", lines))
    seen: list[bytes] = []

    async def follow() -> None:
        async for chunk in driver.logs("r-1", 100, True):
            seen.extend(chunk.splitlines())
            if seen[-1] == b"30":
                return

    following = asyncio.create_task(follow())
    while not seen:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    engine.stop()
    engine.start()
    await asyncio.wait_for(following, 60)
    assert seen == [str(n).encode() for n in range(1, 31)]
    await driver.wait(handle)


async def test_an_agent_killed_at_any_moment_of_a_start_leaves_one_replica_or_none(make_driver: Make) -> None:
    """20 of them: the start is broken off, and an agent after it looks for what there is."""
    rng = random.Random(20)
    for number in range(20):
        wanted = request(f"r-{number}", "sleep", "600")
        killed = make_driver()
        starting = asyncio.create_task(killed.start(wanted))
        await asyncio.wait({starting}, timeout=rng.uniform(0, 0.3))
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await killed.close()

        after = make_driver()
        handle = await after.recover(wanted.replica_id, None)
        if handle is None:
            handle = await after.start(wanted)
        found = [each for each in await after.find_all() if each.labels == wanted.labels]
        assert [(each.handle, each.state) for each in found] == [(handle, RunState.RUNNING)]
        await after.destroy(wanted.replica_id)
        await after.close()


async def test_a_container_that_was_made_and_never_started_is_no_replica(driver: DockerDriver) -> None:
    wanted = request("r-1", "sleep", "600")
    await driver._create(wanted)
    assert [found.state for found in await driver.find_all()] == [RunState.EXITED]
    assert await driver.recover("r-1", None) is None
    assert await driver.find_all() == []
    await driver._create(wanted)
    handle = await driver.start(wanted)  # also with no look before
    assert await driver.recover("r-1", None) == handle


async def test_a_start_whose_answer_was_lost_is_not_repeated(driver: DockerDriver) -> None:
    wanted = request("r-1", "sleep", "600")
    assert await driver.start(wanted) == await driver.start(wanted)


async def test_a_replica_that_survives_sigkill_is_said_to(driver: DockerDriver, engine: PrivateEngine) -> None:
    handle = await driver.start(request("r-1", "sleep", "600"))
    with _frozen(_main_pid(engine, handle)):
        with pytest.raises(Unkillable, match="did not end on SIGKILL"):
            await driver.stop(handle, 0)
        assert (await driver.inspect(handle)).state is RunState.RUNNING
    await driver.stop(handle, 0)
    assert (await driver.inspect(handle)).state is RunState.EXITED


async def test_twenty_replicas_are_adopted_as_they_are(make_driver: Make, engine: PrivateEngine) -> None:
    before = make_driver()
    wanted = [request(f"r-{number}", "sleep", "600") for number in range(20)]
    handles = [await before.start(each) for each in wanted]
    pids = [_main_pid(engine, handle) for handle in handles]
    await before.close()

    after = make_driver()
    adopted = await asyncio.gather(
        *(after.recover(h.replica_id, handle) for h, handle in zip(wanted, handles, strict=True))
    )
    assert adopted == handles
    assert sorted(found.labels.replica_id for found in await after.find_all()) == sorted(w.replica_id for w in wanted)
    assert [_main_pid(engine, handle) for handle in handles] == pids
    await asyncio.gather(*(after.destroy(each.replica_id) for each in wanted))
    await after.close()


async def test_another_container_by_the_name_is_left_alone(driver: DockerDriver, engine: PrivateEngine) -> None:
    wanted = request("r-1", "sleep", "600")
    stranger = await driver._containers.create("hp-r-1", {"Image": wanted.image, "Cmd": ["sleep", "600"]})
    with pytest.raises(Exception, match="another's container has the name hp-r-1; remove it: docker rm hp-r-1"):
        await driver.start(wanted)
    await driver.destroy("r-1")
    assert stranger in [container["Id"] for container in engine.containers()]
    engine.call("DELETE", f"/containers/{stranger}")
