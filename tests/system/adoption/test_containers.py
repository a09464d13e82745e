"""The same with containers of a Docker Engine: one for each replica, whatever happens to the agent or to the engine."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.failpoint import EXIT_CODE
from agent.state.directory import StateDirectory
from homeport.core.workload import Probe, ProbeKind, Workload
from tests.engine import IMAGE, PrivateEngine, private_engine
from tests.fakes.control_plane import delta, placement_message, snapshot
from tests.system.adoption.machine import Machine

pytestmark = pytest.mark.system

_REPLICAS = 3
MODEL = Workload(
    "docker",
    ("httpd", "-f", "-p", "{port}", "-h", "/tmp"),
    image=IMAGE,
    port=8000,
    readiness=Probe(kind=ProbeKind.TCP, interval_seconds=0.2, timeout_seconds=20),
    liveness=Probe(kind=ProbeKind.EXEC, command=("ls", "/tmp"), interval_seconds=1, timeout_seconds=20),
    stop_grace_seconds=1.0,
)


@pytest.fixture
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as engine:
        yield engine


@pytest.fixture
def policy(engine: PrivateEngine, machine: Machine, tmp_path: Path) -> None:
    machine.policy = tmp_path / "agent.toml"
    machine.policy.write_text(f'drivers = ["docker"]\nengine_socket = "{engine.socket}"\n')


@pytest.mark.usefixtures("policy")
async def test_one_container_for_each_replica(machine: Machine, engine: PrivateEngine) -> None:
    def running() -> set[str]:
        return {container["Id"] for container in engine.containers() if container["State"] == "running"}

    placement = placement_message(MODEL, min_replicas=_REPLICAS, max_replicas=_REPLICAS)
    with machine.agent("started") as agent:
        connection = await machine.connection()
        connection.say(desired_state=snapshot(10, placement))
        assert await asyncio.to_thread(agent.wait, 90) == EXIT_CODE
    alive = running()
    assert alive
    moments = random.Random(44)
    for _ in range(5):
        with machine.agent():
            await asyncio.sleep(moments.uniform(0.3, 2.0))
        assert alive <= running(), "what ran, runs on"
        assert len(engine.containers()) <= _REPLICAS, "nothing was started twice"
        alive = running()
    with machine.agent():
        before = await machine.until_ready(_REPLICAS)
        alive = running()
        # Not in a thread: the engine ends with the one that started it.
        engine.stop()
        engine.start()
        after = await machine.until_ready(_REPLICAS)
    assert [replica["restarts"] for replica in before + after] == [0] * _REPLICAS * 2

    database = StateDirectory(machine.state_dir).database
    for path in database.parent.glob(database.name + "*"):
        path.unlink()
    with machine.agent():
        connection = await machine.connection()
        connection.say(desired_state=snapshot(10, placement))
        found = await machine.until_ready(_REPLICAS)
        assert {r["replica_id"] for r in found} == {r["replica_id"] for r in before}
        assert running() == alive
        connection.say(desired_state=delta(11, removed=("p1",)))
        await machine.until(lambda: engine.containers() == [], "the removal")
