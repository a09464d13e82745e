"""Where the time of a start goes: the parts follow one another, and their sum is the whole."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.placement import Placement
from agent.reconcile.start_clock import Part, StartClock
from homeport.core.history.cold_start import StartParts
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Startup, Workload
from tests.fakes.clock import FakeClock
from tests.fakes.reconciling import Host, all_are, story

# Half a second between two probes at most.
LAG = 1.2


def _placement(**env: str) -> Placement:
    workload = Workload("simulated", env=env, startup=Startup(deadline_seconds=30))
    return Placement("p", "chat", 3, 0, 0, 2, workload, "v1")


@given(st.lists(st.tuples(st.sampled_from(Part), st.floats(0, 1e4)), max_size=20), st.floats(0, 1e3))
def test_no_second_is_lost_or_counted_twice(turns: list[tuple[Part, float]], queued: float) -> None:
    now = FakeClock(1e5)
    clock = StartClock(StartParts(queue_seconds=queued), now)
    for part, seconds in turns:
        now.advance(seconds)
        clock.turn_to(part)
    assert clock.parts.total_seconds == pytest.approx(queued + now.now - 1e5, abs=1e-4)


def test_a_moment_before_the_last_change_counts_from_that_change() -> None:
    now = FakeClock(10.0)
    clock = StartClock(StartParts(), now)
    now.advance(5)
    clock.turn_to(Part.LOAD)
    clock.turn_to(Part.WARM_UP, at=11.0)
    now.advance(2)
    clock.turn_to(Part.WARM_UP)
    assert (clock.parts.create_seconds, clock.parts.load_seconds, clock.parts.warm_up_seconds) == (5, 0, 2)


@story
async def test_a_start_is_told_once_with_its_parts(path: Path) -> None:
    host = Host(path)
    host.waits["chat"] = StartParts(0.25, 1.5)
    await host.start()
    host.want(_placement(SIMULATED_PREPARE="4", SIMULATED_READY_AFTER="2"), 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    [start] = host.starts
    assert start.revision == 3
    assert start.problem == ""
    parts = start.parts
    assert (parts.queue_seconds, parts.place_seconds) == (0.25, 1.5)
    assert parts.image_seconds == pytest.approx(4, abs=0.01)
    assert parts.create_seconds == pytest.approx(0, abs=0.01)
    assert parts.load_seconds + parts.warm_up_seconds == pytest.approx(2, abs=LAG)
    assert parts.platform_seconds == pytest.approx(1.75, abs=0.01)
    await host.kill()


@story
async def test_a_start_that_fails_is_told_with_its_reason(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="1", SIMULATED_READY_AFTER="5"), 1)
    await host.until(lambda _: len(host.starts) == 2)
    assert [start.problem for start in host.starts] == ["exit code 1", "exit code 1"]
    assert host.starts[0].parts.load_seconds == pytest.approx(1, abs=0.1)
    await host.kill()


@story
async def test_the_end_of_a_life_that_was_ready_is_no_start(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="5"), 1)
    await host.until(all_are(ReplicaStatus.FAILED, 1))
    assert [start.problem for start in host.starts] == [""]
    await host.kill()


@story
async def test_a_start_that_the_agents_end_cut_in_two_is_told_whole(path: Path) -> None:
    """Ordered at 0 s, image there at 4 s, killed at 6 s, found at 9 s, ready at 14 s."""
    host = Host(path)
    host.waits["chat"] = StartParts(0.5)
    await host.start()
    placement = _placement(SIMULATED_PREPARE="4", SIMULATED_READY_AFTER="10")
    host.want(placement, 1)
    await asyncio.sleep(6)
    await host.kill()
    assert host.starts == []
    await asyncio.sleep(3)
    second = Host(path, host.driver)
    await second.start()
    second.want(placement, 1)
    await second.until(all_are(ReplicaStatus.READY, 1))
    [start] = second.starts
    assert start.parts.queue_seconds == 0.5
    assert start.parts.image_seconds == pytest.approx(4, abs=0.01)
    assert start.parts.load_seconds + start.parts.warm_up_seconds == pytest.approx(10, abs=LAG)
    await second.kill()
