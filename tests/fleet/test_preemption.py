"""Deployments of higher priority take the room of lower ones, where they may, on a fleet with a virtual clock."""

import asyncio
from collections.abc import Callable
from typing import Any

from controlplane.fleet.preemption import evicted_from
from controlplane.store.store import Kind
from tests.fleet.fleet import Fleet, deployment

MODEL = """
model: {{id: of-{id}}}
---
model_version:
  id: v1
  model: {{id: of-{id}}}
  driver: simulated
  env: {{SIMULATED_READY_AFTER: "2"}}
  inference_compute_info: {{cpu_limit: "{cpu}"}}
"""


async def put(fleet: Fleet, id: str, cpu: int, **spec: Any) -> None:
    """Each host has 8 CPUs."""
    await fleet.apply(MODEL.format(id=id, cpu=cpu))
    await fleet.apply(deployment(id=id, worker={"model": {"id": f"of-{id}"}}, **spec))


def ready(fleet: Fleet, id: str) -> Callable[[], bool]:
    return lambda: fleet.total_ready(id) == 1


def pending(fleet: Fleet, id: str) -> bool:
    record = fleet.plane.store.get(Kind.DEPLOYMENT, id)
    return record is not None and record.status["placement"]["missing_min"] == 1


def told(fleet: Fleet, id: str) -> list[tuple[str, str]]:
    record = fleet.plane.store.get(Kind.DEPLOYMENT, id)
    return [(event["verdict"], event["text"]) for event in record.status["placement"]["events"]] if record else []


def marks(fleet: Fleet) -> dict[str, dict[str, str]]:
    return {each.id: evicted_from(each) for each in fleet.plane.store.all(Kind.DEPLOYMENT) if evicted_from(each)}


def test_off_by_default_nobody_is_displaced(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await put(fleet, "low", 6)
        await fleet.until(ready(fleet, "low"), within=10, what="it runs")
        await put(fleet, "high", 6, priority=50)
        await fleet.holds(lambda: fleet.total_ready("low") == 1, 60, "it keeps its place")
        assert pending(fleet, "high")

    tell(story)


def test_where_there_is_no_other_place_the_lower_one_gives_way_and_waits(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await put(fleet, "low", 6)
        await put(fleet, "equal", 2, priority=50)
        await fleet.until(lambda: all(ready(fleet, id)() for id in ("low", "equal")), within=10, what="both run")
        await put(fleet, "high", 6, priority=50, preemption="lower_priority")
        await fleet.until(ready(fleet, "high"), within=30, what="it has taken the room")
        await fleet.until(lambda: marks(fleet) == {}, within=10, what="nothing more is asked for")
        assert fleet.total_ready("low") == 0 and pending(fleet, "low")
        assert ("evicts", "evicts low on n0, which has a lower priority") in told(fleet, "high")
        assert ("evicted", "it leaves n0 to high, which has a higher priority") in told(fleet, "low")
        await fleet.holds(lambda: ready(fleet, "equal")() and ready(fleet, "high")(), 60, "and it stays so")
        await fleet.delete("high")
        await fleet.until(ready(fleet, "low"), within=30, what="it comes back")

    tell(story)


def test_where_there_is_another_place_the_lower_one_moves_without_a_gap(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await put(fleet, "small", 3)
        await put(fleet, "other", 3)
        await fleet.until(lambda: ready(fleet, "small")() and ready(fleet, "other")(), within=10, what="both run")
        await put(fleet, "wall", 5)
        await fleet.until(ready(fleet, "wall"), within=10, what="it takes the other node")
        [busy] = [host for host in fleet.hosts if not host.ready("wall")]
        await put(fleet, "high", 4, priority=1, preemption="lower_priority")
        served = fleet.holds(lambda: fleet.total_ready("small") + fleet.total_ready("other") >= 2, 60, "no gap")
        await asyncio.gather(served, fleet.until(ready(fleet, "high"), within=60, what="it has room"))
        assert busy.ready("high") and len(busy.replicas()) == 2

    tell(story, nodes=2)


def test_it_goes_on_after_a_restart_of_the_control_plane(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await put(fleet, "low", 6)
        await fleet.until(ready(fleet, "low"), within=10, what="it runs")
        await put(fleet, "high", 6, priority=50, preemption="lower_priority")
        await fleet.until(lambda: fleet.total_ready("low") == 0, within=30, what="it has left")
        await fleet.restart_plane(5)
        await fleet.until(ready(fleet, "high"), within=60, what="it has taken the room")
        await fleet.until(lambda: marks(fleet) == {}, within=15, what="nothing more is asked for")

    tell(story)
