"""Placements of a deployment with revisions side by side, and what others see of it."""

import pytest

from controlplane.fleet.deployments import delete_deployment
from controlplane.fleet.explaining import explain_deployment, explain_revisions
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.tracks import as_track, most_telling
from controlplane.pipelines.drain_plan import plan_drain
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import ReplicaReport, ReplicaStatus
from tests.fakes.placed_fleet import PlacedFleet

HALF = [{"revision": 1, "percent": 50}, {"revision": 2, "percent": 50}]


def record(fleet: PlacedFleet) -> Record:
    found = fleet.store.get(Kind.DEPLOYMENT, "chat")
    assert found is not None
    return found


def budgets(fleet: PlacedFleet) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(node, track) -> (revision, min, max)"""
    return {
        (r.spec["node_id"], r.spec.get("track", "chat")): (
            r.spec["revision"],
            r.spec["min_replicas"],
            r.spec["max_replicas"],
        )
        for r in fleet.records("chat")
    }


def runs(fleet: PlacedFleet, node: str, **ready: int) -> None:
    """`r1=2`: so many replicas of the revision; the second revision's are those of its track."""
    reports = [
        ReplicaReport(f"{node}-{name}-{n}", "", "chat", int(name[1:]), ReplicaStatus.READY, track=track)
        for name, count in ready.items()
        for track in ["chat" if name == "r1" else "chat@1"]
        for n in range(count)
    ]
    fleet.registry.set_replicas(node, reports, all_of_them=True)


async def divide(fleet: PlacedFleet, low: int = 2, high: int = 4) -> None:
    """Two revisions that share the requests, on one node."""
    await fleet.deploy("chat", low=low, high=high)
    await fleet.placements("chat")
    runs(fleet, "n1", r1=low)
    await fleet.deploy("chat", low=low, high=high, env={"NEW": "1"}, traffic_split=HALF)
    await fleet.placements("chat")


async def test_two_revisions_share_a_node_each_with_a_budget_of_its_own(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=32_000)
    await divide(fleet)
    assert budgets(fleet) == {("n1", "chat"): (1, 2, 4), ("n1", "chat@1"): (2, 1, 2)}
    assert record(fleet).status["tracks"]["chat@1"]["waits_for"] == 1
    assert record(fleet).status["traffic_split"] == [{"revision": 1, "percent": 100}]
    runs(fleet, "n1", r1=2, r2=1)
    await fleet.placements("chat")
    assert record(fleet).status["traffic_split"] == HALF
    await fleet.placements("chat")
    assert budgets(fleet) == {("n1", "chat"): (1, 1, 2), ("n1", "chat@1"): (2, 1, 2)}
    seq = fleet.store.seq
    await fleet.placements("chat")
    assert fleet.store.seq == seq, "and that is all"


async def test_a_restarted_control_plane_takes_nothing_for_ready_that_it_has_not_heard(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=32_000)
    await divide(fleet)
    fleet.restart()
    await fleet.placements("chat")
    assert record(fleet).status["traffic_split"] == [{"revision": 1, "percent": 100}]
    assert set(budgets(fleet)) == {("n1", "chat"), ("n1", "chat@1")}


async def test_a_drained_node_is_left_by_both(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=32_000)
    await divide(fleet)
    runs(fleet, "n1", r1=1, r2=1)
    await fleet.placements("chat")
    await fleet.placements("chat")
    await fleet.join("n2", cpu=32_000)
    node = fleet.store.get(Kind.NODE, "n1")
    assert node is not None
    moves = await plan_drain(fleet.store, fleet.registry, node, 1.7e9)
    assert [(move.deployment.id, move.to) for move in moves] == [("chat", {"n2": 1}), ("chat", {"n2": 1})]
    await fleet.drain("n1")
    await fleet.placements("chat")
    runs(fleet, "n2", r1=1, r2=1)
    await fleet.placements("chat")
    assert set(budgets(fleet)) == {("n2", "chat"), ("n2", "chat@1")}


async def test_the_one_that_is_waited_for_explains_itself(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=4000)
    await divide(fleet)
    track = most_telling(record(fleet))
    assert (track.id, track.status["revision"]) == ("chat@1", 2)
    revision = current_revision(fleet.store, track)
    assert revision is not None
    found = await explain_deployment(fleet.view, track, revision)
    assert (found["deployment_id"], found["verdict"]) == ("chat", "pending")
    assert "cpu" in found["filtered"]
    assert as_track(record(fleet), "chat").status["revision"] == 1


async def test_each_of_several_explains_itself_and_one_alone_is_not_listed_twice(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=4000)
    await fleet.deploy("chat", low=2, high=4)
    await fleet.placements("chat")
    assert await explain_revisions(fleet.view, fleet.store, record(fleet)) == []
    await divide(fleet)
    first, second = await explain_revisions(fleet.view, fleet.store, record(fleet))
    assert [(each["revision"], each["percent"]) for each in (first, second)] == [(1, 100), (2, 0)]
    assert (first["deployment_id"], second["deployment_id"]) == ("chat", "chat")
    assert (first["verdict"], second["verdict"]) != ("pending", "pending")
    assert second["verdict"] == "pending", "the second finds no room beside the first"


async def test_what_was_reserved_for_a_write_that_failed_is_given_back(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=32_000)
    await fleet.deploy("chat", low=2, high=4)
    await fleet.placements("chat")
    runs(fleet, "n1", r1=2)
    await fleet.deploy("chat", low=2, high=4, env={"NEW": "1"}, traffic_split=HALF)
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    with pytest.raises(HomeportError, match="full"):
        await fleet.pipeline.reconcile_once()
    assert fleet.view.fleet.taken("chat@1") != {}
    await fleet.deploy("chat", low=2, high=4, env={"NEW": "1"}, traffic_split=[{"revision": 1, "percent": 100}])
    await fleet.placements("chat")
    assert fleet.view.fleet.taken("chat@1") == {}


async def test_a_deletion_leaves_nothing_behind(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=32_000)
    await divide(fleet)
    await fleet.store.write(lambda tx: delete_deployment(tx, "chat"))
    await fleet.view.refresh()
    assert fleet.records("chat") == []
    assert fleet.view.fleet.taken("chat@1") == fleet.view.fleet.taken("chat") == {}
