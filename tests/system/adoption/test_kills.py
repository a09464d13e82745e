"""Agents that are killed at random moments, from the first start of their replicas on."""

import asyncio
import os
import random
import signal

import pytest

from agent.state.directory import StateDirectory
from tests.fakes.control_plane import placement_message, snapshot
from tests.system.adoption.machine import MODEL, Machine

pytestmark = pytest.mark.system

_KILLS = 20
_REPLICAS = 5


async def test_twenty_kills_restart_nothing(machine: Machine) -> None:
    moments = random.Random(20)
    with machine.agent():
        connection = await machine.connection()
        placement = placement_message(MODEL, min_replicas=_REPLICAS, max_replicas=_REPLICAS)
        connection.say(desired_state=snapshot(10, placement))
        await connection.next("ack")
        await asyncio.sleep(moments.uniform(0, 0.1))
    alive = machine.model_pids()
    for _ in range(_KILLS):
        with machine.agent():
            await asyncio.sleep(moments.uniform(0.3, 1.5))
        now = machine.model_pids()
        assert alive <= now, "what ran, runs on"
        assert len(now) <= _REPLICAS, "nothing was started twice"
        alive = now
    with machine.agent():
        replicas = await machine.until_ready(_REPLICAS)
        assert [replica["restarts"] for replica in replicas] == [0] * _REPLICAS
        assert alive <= machine.model_pids()
        assert len(machine.model_pids()) == _REPLICAS

        # An adopted one is looked after as before.
        victim = min(machine.model_pids())
        os.kill(victim, signal.SIGKILL)
        await machine.until(lambda: sum(r["restarts"] for r in machine.replicas() or []) == 1, "its restart")
        await machine.until_ready(_REPLICAS)


async def test_with_its_state_lost_the_agent_keeps_what_runs(machine: Machine) -> None:
    with machine.agent():
        connection = await machine.connection()
        connection.say(desired_state=snapshot(10, placement_message(MODEL, min_replicas=2, max_replicas=2)))
        before = {replica["replica_id"] for replica in await machine.until_ready(2)}
    pids = machine.model_pids()
    database = StateDirectory(machine.state_dir).database
    for path in database.parent.glob(database.name + "*"):
        path.unlink()

    with machine.agent():
        connection = await machine.connection()
        assert {replica.replica_id for replica in connection.hello.replicas} == before
        assert {replica.placement_id for replica in connection.hello.replicas} == {"p1"}
        connection.say(desired_state=snapshot(10, placement_message(MODEL, min_replicas=2, max_replicas=2)))
        await connection.next("ack")
        await machine.until_ready(2)
    with machine.agent():
        after = await machine.until_ready(2)
    assert {replica["replica_id"] for replica in after} == before
    assert {replica["restarts"] for replica in after} == {0}
    assert machine.model_pids() == pids
