"""A rebalance on a fleet with a virtual clock: replicas move one by one, and something always serves."""

import asyncio
from collections.abc import Callable

from controlplane.fleet.node_cordon import cordon_node, uncordon_node
from controlplane.fleet.rebalance import LAST, is_over, start_rebalance, steps_of, stop_rebalance
from controlplane.pipelines.rebalance_plan import plan_rebalance
from controlplane.store.store import Kind, Transaction
from homeport.core.rebalance.steps import State, Terms
from tests.fleet.fleet import Fleet, deployment

POOL = "home/default"


MODEL = """
model: {{id: of-{id}}}
---
model_version: {{id: v1, model: {{id: of-{id}}}, driver: simulated, env: {{SIMULATED_READY_AFTER: "2"}}}}
"""


async def open_only(fleet: Fleet, *node_ids: str) -> None:
    def write(tx: Transaction) -> None:
        for host in fleet.hosts:
            if host.node_id in node_ids:
                uncordon_node(tx, host.node_id)
            else:
                cordon_node(tx, host.node_id, "")

    await fleet.plane.store.write(write)


async def spread(fleet: Fleet, *ids: str) -> None:
    """One deployment on each host."""
    for host, id in zip(fleet.hosts, ids, strict=True):
        await open_only(fleet, host.node_id)
        await fleet.apply(MODEL.format(id=id))
        await fleet.apply(deployment(id=id, worker={"model": {"id": f"of-{id}"}}))
        await fleet.until(lambda: len(host.ready(id)) == 1, within=15, what=f"{id} runs")  # noqa: B023
    await open_only(fleet, *(host.node_id for host in fleet.hosts))


async def rebalance(fleet: Fleet, percent: float = 100, at_once: int = 1) -> None:
    now = fleet.plane.wall()
    terms = Terms(at_once, patience=120, deadline_at=now + 1800)
    plan = await plan_rebalance(fleet.plane.store, fleet.plane.registry, [POOL], percent, terms, now)
    await fleet.plane.store.write(lambda tx: start_rebalance(tx, plan))


def states(fleet: Fleet) -> list[State]:
    record = fleet.plane.store.get(Kind.REBALANCE, LAST)
    return [step.state for step in steps_of(record)] if record else []


def ended(fleet: Fleet) -> bool:
    record = fleet.plane.store.get(Kind.REBALANCE, LAST)
    return record is not None and is_over(record)


def test_nodes_are_emptied_and_something_always_serves(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        ids = ("a", "b", "c")
        await spread(fleet, *ids)
        await rebalance(fleet)
        assert states(fleet) == [State.WAITING, State.WAITING]
        await fleet.until(lambda: State.MOVING in states(fleet), within=10, what="it has begun")
        await fleet.restart_plane(3)

        def all_serve() -> bool:
            return all(fleet.total_ready(id) >= 1 for id in ids) and states(fleet).count(State.MOVING) <= 1

        await asyncio.gather(
            fleet.until(lambda: ended(fleet), within=90, what="it has ended"),
            fleet.holds(all_serve, 90, "each of them serves, and one moves at a time"),
        )
        assert states(fleet) == [State.DONE, State.DONE]
        assert sorted(len(host.replicas()) for host in fleet.hosts) == [0, 0, 3]
        assert all("move" not in each.status for each in fleet.plane.store.all(Kind.DEPLOYMENT))
        await fleet.holds(lambda: sorted(len(h.replicas()) for h in fleet.hosts) == [0, 0, 3], 60, "it stays so")

    tell(story, nodes=3)


def test_a_move_that_comes_to_nothing_is_taken_back(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await spread(fleet, "a", "b")
        await rebalance(fleet)
        await fleet.until(lambda: State.MOVING in states(fleet), within=10, what="it has begun")
        record = fleet.plane.store.get(Kind.REBALANCE, LAST)
        assert record is not None
        [step] = steps_of(record)
        moving, source = step.move.deployment_id, next(h for h in fleet.hosts if h.node_id == step.move.from_node)
        fleet.network.cut(step.move.to_node)
        served = fleet.holds(lambda: len(source.ready(moving)) == 1, 400, "it serves where it was")
        await asyncio.gather(fleet.until(lambda: ended(fleet), within=400, what="it has ended"), served)
        assert states(fleet) == [State.RETURNED]
        fleet.network.heal(step.move.to_node)
        await fleet.holds(lambda: fleet.total_ready(moving) >= 1, 120, "something serves, whichever of them stays")
        assert len(fleet.plane.store.all(Kind.PLACEMENT)) == 2

    tell(story, nodes=2)


def test_a_rebalance_that_is_stopped_ends_what_it_has_begun(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await spread(fleet, "a", "b", "c")
        await rebalance(fleet)
        await fleet.until(lambda: State.MOVING in states(fleet), within=10, what="it has begun")
        await fleet.plane.store.write(stop_rebalance)
        await fleet.until(lambda: ended(fleet), within=60, what="it has ended")
        assert sorted(states(fleet)) == [State.DONE, State.SKIPPED]
        assert sorted(len(host.replicas()) for host in fleet.hosts) == [0, 1, 2]

    tell(story, nodes=3)
