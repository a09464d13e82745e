"""A node that is being emptied: replicas are ready elsewhere before they are let go."""

import pytest

from controlplane.fleet.node_cordon import cordon_node, uncordon_node
from controlplane.fleet.node_drain import drain_node, undrain_node
from tests.fakes.placed_fleet import PlacedFleet


async def drain(fleet: PlacedFleet, node: str, deadline: float = 600, force: bool = False) -> None:
    await fleet.store.write(lambda tx: drain_node(tx, node, "", deadline, force))


async def test_a_cordoned_node_keeps_what_it_has_and_gets_nothing_new(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.store.write(lambda tx: cordon_node(tx, "n1", "new disk"))
    await fleet.deploy("other", "m2")
    assert await fleet.placements("other") == {}
    assert [(r["filter"], r["have"]) for r in fleet.status("other")["rejections"]] == [("cordon", "cordoned")]
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.store.write(lambda tx: uncordon_node(tx, "n1"))
    assert list(await fleet.placements("other")) == ["n1"]


async def test_a_replica_is_ready_elsewhere_before_it_is_let_go(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    fleet.runs("n1", "ready")
    await drain(fleet, "n1")
    assert await fleet.placements("chat") == {"n2": (0, 1, 1), "n1": (1, 1, 1)}
    assert fleet.status("chat")["leaving"] == [{"node_id": "n1", "replicas": 1, "awaited": 1}]
    fleet.runs("n2", "starting")
    assert len(await fleet.placements("chat")) == 2
    fleet.runs("n2", "ready")
    assert await fleet.placements("chat") == {"n2": (0, 1, 1)}
    assert fleet.status("chat")["leaving"] == []
    seq = fleet.store.seq
    await fleet.placements("chat")
    assert fleet.store.seq == seq, "and that is all"


async def test_what_scaled_up_by_load_moves_as_a_whole(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat", low=0, high=4)
    await fleet.placements("chat")
    fleet.runs("n1", "ready", "ready", "ready")
    await drain(fleet, "n1")
    assert await fleet.placements("chat") == {"n2": (0, 3, 4), "n1": (1, 3, 3)}
    fleet.runs("n2", "ready", "ready", "starting")
    assert await fleet.placements("chat") == {"n2": (0, 3, 4), "n1": (1, 3, 3)}
    fleet.runs("n2", "ready", "ready", "ready")
    assert await fleet.placements("chat") == {"n2": (0, 0, 4)}


async def test_one_that_serves_nobody_goes_at_once(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat", low=0, high=2)
    await fleet.placements("chat")
    await drain(fleet, "n1")
    assert await fleet.placements("chat") == {"n2": (0, 0, 2)}


async def test_what_finds_no_place_stays_down_to_the_minimum_and_says_why(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=8000)
    await fleet.join("n2", cpu=2000)
    await fleet.deploy("chat", low=2, high=4)
    assert await fleet.placements("chat") == {"n1": (0, 1, 3), "n2": (1, 1, 1)}
    fleet.runs("n1", "ready", "ready", "ready")
    fleet.runs("n2", "ready")
    await drain(fleet, "n1")
    assert await fleet.placements("chat") == {"n2": (0, 1, 1), "n1": (1, 1, 1)}
    status = fleet.status("chat")
    assert status["leaving"] == [{"node_id": "n1", "replicas": 1, "awaited": 0}]
    assert [(r["node_name"], r["filter"], r["have"]) for r in status["rejections"]] == [("n1", "drain", "draining")]


async def test_the_last_one_that_serves_is_not_let_go_for_nothing(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", low=0, high=2)
    await fleet.placements("chat")
    fleet.runs("n1", "ready", "ready")
    await drain(fleet, "n1")
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}


@pytest.mark.parametrize(("force", "left"), [(False, ["n1"]), (True, [])])
async def test_only_a_forced_drain_lets_go_at_its_deadline(fleet: PlacedFleet, force: bool, left: list[str]) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    fleet.runs("n1", "ready")
    await drain(fleet, "n1", deadline=60, force=force)
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(59, alive="n1")
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(1, alive="n1")
    assert list(await fleet.placements("chat")) == left


async def test_a_drain_that_is_taken_back_half_way_leaves_no_gap(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    fleet.runs("n1", "ready")
    await drain(fleet, "n1")
    assert len(await fleet.placements("chat")) == 2
    await fleet.store.write(lambda tx: undrain_node(tx, "n1"))
    assert "n1" in await fleet.placements("chat"), "nothing else is ready yet"
    fleet.runs("n2", "ready")
    assert len(await fleet.placements("chat")) == 1


async def test_a_stopped_deployment_waits_for_nobody(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    fleet.runs("n1", "ready")
    await drain(fleet, "n1")
    await fleet.deploy("chat", low=0, high=0)
    assert await fleet.placements("chat") == {}


async def test_replicas_leave_a_nodepool_that_was_taken_out_without_a_gap(fleet: PlacedFleet) -> None:
    await fleet.join("a1", pool="a")
    await fleet.join("b1", pool="b")
    await fleet.deploy("chat", pools="a")
    await fleet.placements("chat")
    fleet.runs("a1", "ready")
    await fleet.deploy("chat", pools="b")
    assert sorted(await fleet.placements("chat")) == ["a1", "b1"]
    fleet.runs("b1", "ready")
    assert list(await fleet.placements("chat")) == ["b1"]


async def test_no_fence_is_crossed_for_the_sake_of_a_move(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    fleet.runs("n1", "ready")
    await fleet.deploy("chat", residency={"region": "eu"})
    assert await fleet.placements("chat") == {}
