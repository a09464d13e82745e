"""An agent that dies at each step of a replica's life: the next one makes it whole, nothing twice or left over."""

import asyncio
import os
import signal

import pytest
from homeport_proto.v1 import session_pb2 as pb

from agent.failpoint import EXIT_CODE
from tests.fakes.control_plane import delta, placement_message, snapshot
from tests.system.adoption.machine import MODEL, Machine

pytestmark = pytest.mark.system

_WAY_UP = ("intent-noted", "prepared", "started", "handle-noted", "ready", "ready-noted")
_WAY_DOWN = ("draining", "drained", "stopped", "destroyed", "forgotten")


async def _dies_at(machine: Machine, failpoint: str) -> None:
    """An agent that acts on the state of the disk alone."""
    with machine.agent(failpoint) as agent:
        assert await asyncio.to_thread(agent.wait, 90) == EXIT_CODE


async def _serving(machine: Machine) -> tuple[str, int]:
    """Replica id and pid of the one replica, whose agent is gone."""
    with machine.agent():
        connection = await machine.connection()
        connection.say(desired_state=snapshot(10, placement_message(MODEL)))
        (replica,) = await machine.until_ready(1)
    (pid,) = machine.model_pids()
    return replica["replica_id"], pid


@pytest.mark.parametrize("failpoint", _WAY_UP)
async def test_on_the_way_up(machine: Machine, failpoint: str) -> None:
    with machine.agent(failpoint) as agent:
        connection = await machine.connection()
        connection.say(desired_state=snapshot(10, placement_message(MODEL)))
        assert await asyncio.to_thread(agent.wait, 90) == EXIT_CODE
    before = machine.model_pids()
    with machine.agent():
        (replica,) = await machine.until_ready(1)
        assert replica["restarts"] == 0
        assert len(machine.model_pids()) == 1
        assert before <= machine.model_pids(), "what had been started runs on"


async def test_while_it_is_adopted(machine: Machine) -> None:
    replica_id, pid = await _serving(machine)
    await _dies_at(machine, "adopted")
    with machine.agent():
        (replica,) = await machine.until_ready(1)
    assert (replica["replica_id"], replica["restarts"]) == (replica_id, 0)
    assert machine.model_pids() == {pid}


async def test_after_a_failure(machine: Machine) -> None:
    replica_id, pid = await _serving(machine)
    with machine.agent("failed") as agent:
        await machine.until_ready(1)
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(agent.wait, 90) == EXIT_CODE
    with machine.agent():
        (replica,) = await machine.until_ready(1)
        connection = await machine.connection()
        question = pb.LogsQuestion(deployment_id="chat", previous=1)
        connection.say(question=pb.Question(question_id="q", logs=question))
        async with asyncio.timeout(60):
            while b"serves" not in (chunk := (await machine.plane.log_chunks.get()).lines):
                assert chunk == b""
        assert chunk.startswith(f"== failure 1 of replica {replica_id}".encode())
    assert (replica["replica_id"], replica["restarts"]) == (replica_id, 1)
    assert len(machine.model_pids()) == 1


@pytest.mark.parametrize("failpoint", _WAY_DOWN)
async def test_on_the_way_down(machine: Machine, failpoint: str) -> None:
    await _serving(machine)
    with machine.agent(failpoint) as agent:
        connection = await machine.connection()
        connection.say(desired_state=delta(11, removed=("p1",)))
        assert await asyncio.to_thread(agent.wait, 90) == EXIT_CODE
    with machine.agent():
        await machine.until(lambda: machine.replicas() == [], "no replica")
    assert machine.model_pids() == set()
    assert list((machine.state_dir / "replicas").iterdir()) == []
