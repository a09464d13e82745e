"""Each node is told its part of what a deployment keeps without traffic, and again when the others change."""

from functools import partial
from typing import Any

import pytest

from controlplane.fleet.apply import apply_documents
from controlplane.sessions.desired_state import DesiredStates
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Change, Kind, Store, Transaction
from homeport.core import canonical
from homeport.core.policy import Policy
from homeport.schema.documents import parse_documents
from tests.fakes.clock import FakeClock
from tests.fakes.principals import ANYTHING_GOES

DOCUMENTS: list[dict[str, Any]] = [
    {"compute_cluster": {"id": "office"}},
    {"nodepool": {"id": "a", "compute_cluster": {"id": "office"}}},
    {"model": {"id": "m"}},
    {"model_version": {"id": "v1", "model": {"id": "m"}, "command": ["run"]}},
]


def _place(tx: Transaction, place: dict[str, Any]) -> None:
    tx.create(Kind.PLACEMENT, f"p-{place['node_id']}", place)


async def store_with(scaling: dict[str, Any]) -> Store:
    store = MemoryStore(FakeClock(1.7e9))
    await store.open()
    spec = {
        "id": "chat",
        "worker": {"model": {"id": "m"}},
        "nodepools": [{"id": "a", "compute_cluster": {"id": "office"}}],
        "autoscale_config": {"min_replicas": 0, "max_replicas": 9, **scaling},
    }
    await apply_documents(store, parse_documents([*DOCUMENTS, {"deployment": spec}]), ANYTHING_GOES)
    for number in (1, 2):
        place = {"deployment_id": "chat", "node_id": f"n{number}", "revision": 1, "rank": number, "devices": []}
        await store.write(partial(_place, place={**place, "min_replicas": 0, "max_replicas": 2}))
    return store


def told(desired: DesiredStates, node_id: str) -> tuple[int, list[int]]:
    """Its soft minimum, and that of each entry of the schedule."""
    [placement] = desired.snapshot(node_id).placements
    scaling = canonical.loads(Policy, placement.policy_json).scaling
    return scaling.soft_min_replicas, [entry.min_replicas for entry in scaling.schedule]


FLOORS = {"soft_min_replicas": 1, "schedule": [{"min_replicas": 3, "starts": "08:00", "ends": "18:00"}]}


async def test_nodes_take_their_parts_in_the_order_of_their_ranks() -> None:
    desired = DesiredStates(await store_with(FLOORS))
    desired.load()
    assert told(desired, "n1") == (1, [2])
    assert told(desired, "n2") == (0, [1])


async def test_a_change_at_one_node_is_told_to_the_others_too() -> None:
    store = await store_with(FLOORS)
    desired = DesiredStates(store)
    desired.load()
    await store.write(lambda tx: tx.delete(Kind.PLACEMENT, "p-n1"))
    touched = desired.touched([Change(store.seq, Kind.PLACEMENT, "p-n1", None)])
    assert touched["n1"].removed == {"p-n1"}
    assert touched["n2"].changed == {"p-n2"}
    assert told(desired, "n2") == (1, [2])


@pytest.mark.parametrize("fixed", [None, 4])
async def test_a_fixed_count_knows_no_floors_and_without_any_nobody_else_is_touched(fixed: int | None) -> None:
    store = await store_with({**FLOORS, "replicas": fixed} if fixed else {})
    desired = DesiredStates(store)
    desired.load()
    assert told(desired, "n1") == (0, [])
    await store.write(lambda tx: tx.delete(Kind.PLACEMENT, "p-n1"))
    touched = desired.touched([Change(store.seq, Kind.PLACEMENT, "p-n1", None)])
    assert set(touched) == {"n1"}
