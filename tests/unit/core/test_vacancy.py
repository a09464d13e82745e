"""Whether there would be room."""

import pytest

from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import taken_by
from homeport.core.placement.types import Candidate, Wanted
from homeport.core.placement.vacancy import fits_elsewhere, has_room
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus

POOL = "office/a"
NEEDS = ComputeNeeds(cpu_milli=2000)
WANTED = Wanted("chat", "process", NEEDS, Scaling(1, 4), ((POOL,),))


@pytest.fixture
def fleet() -> Fleet:
    """Of n0 half is taken; n1 is free and cordoned; n2 has room for one."""
    fleet = Fleet()
    for name, cpu_milli, cordoned in (("n0", 8000, False), ("n1", 8000, True), ("n2", 2000, False)):
        has = Inventory(name, cpu_milli=cpu_milli, drivers=("process",))
        fleet.put(Candidate(name, name, POOL, NodeStatus.READY, has, cordoned, False))
    fleet.take("other", {"n0": taken_by(NEEDS, 2, 2, ())})
    return fleet


@pytest.mark.parametrize(
    ("node_id", "replicas", "expected"), [("n0", 2, True), ("n0", 3, False), ("n1", 1, False), ("n2", 1, True)]
)
def test_a_node_has_room_for_what_nobody_has_taken(fleet: Fleet, node_id: str, replicas: int, expected: bool) -> None:
    assert has_room(WANTED, node_id, replicas, fleet) is expected


@pytest.mark.parametrize(
    ("node_id", "replicas", "expected"), [("n2", 2, True), ("n0", 1, True), ("n0", 2, False), ("n1", 3, False)]
)
def test_elsewhere_is_one_other_node_with_room_for_all(
    fleet: Fleet, node_id: str, replicas: int, expected: bool
) -> None:
    assert fits_elsewhere(WANTED, node_id, replicas, fleet) is expected
