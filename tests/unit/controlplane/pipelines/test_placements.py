import asyncio
from typing import Any

import pytest

from controlplane.fleet.deployments import delete_deployment
from controlplane.pipelines.placement_decision import decide
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.placed_fleet import PlacedFleet

NOTHING_MISSING = {
    "rejections": [], "missing_min": 0, "missing_max": 0, "leaving": [], "withheld": 0, "unacked": [], "away": []
}  # fmt: skip


async def test_a_deployment_is_placed_where_it_fits(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2", pool="b")
    await fleet.deploy("chat", low=1, high=3)
    assert await fleet.placements("chat") == {"n1": (0, 1, 3)}
    assert fleet.missing("chat") == NOTHING_MISSING


async def test_a_second_round_writes_nothing(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    seq = fleet.store.seq
    await fleet.pipeline.reconcile_once()
    assert fleet.store.seq == seq


async def test_without_a_node_the_status_says_what_is_missing(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=1000)
    await fleet.deploy("chat", low=1, high=2)
    assert await fleet.placements("chat") == {}
    status = fleet.status("chat")
    assert (status["missing_min"], status["missing_max"]) == (1, 2)
    assert [(r["node_name"], r["filter"], r["need"], r["have"]) for r in status["rejections"]] == [
        ("n1", "cpu", "2", "1 free")
    ]


async def test_without_overcommitment_what_others_hold_at_their_maximum_is_reserved(fleet: PlacedFleet) -> None:
    await fleet.apply({"nodepool": {"id": "a", "compute_cluster": {"id": "office"}, "overcommit": 1}})
    await fleet.join("n1", cpu=8000)
    await fleet.deploy("first", "m1", low=1, high=3)
    await fleet.deploy("second", "m2", low=1, high=3)
    assert await fleet.placements("first") == {"n1": (0, 1, 3)}
    assert await fleet.placements("second") == {"n1": (0, 1, 1)}
    assert fleet.status("second")["missing_max"] == 2


async def test_maxima_may_overlap_and_minima_may_not(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=8000)
    await fleet.deploy("first", "m1", low=1, high=3)
    await fleet.deploy("second", "m2", low=2, high=3)
    assert await fleet.placements("first") == {"n1": (0, 1, 3)}
    assert await fleet.placements("second") == {"n1": (0, 2, 3)}
    await fleet.deploy("third", "m3", low=2, high=2)
    assert await fleet.placements("third") == {"n1": (0, 1, 1)}, "three minima leave room for one more"
    assert fleet.status("third")["missing_min"] == 1


async def test_freed_room_is_used_in_the_same_round(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=4000)
    await fleet.deploy("first", "m1", low=2, high=2)
    await fleet.deploy("second", "m2", low=1, high=1)
    assert await fleet.placements("second") == {}
    await fleet.deploy("first", "m1", low=1, high=1)
    assert await fleet.placements("second") == {"n1": (0, 1, 1)}


async def test_a_device_is_given_once_and_kept(fleet: PlacedFleet) -> None:
    await fleet.add_model("g1", num_accelerators=1)
    await fleet.add_model("g2", num_accelerators=1)
    await fleet.join("n1", gpus=2)
    await fleet.deploy("first", "g1")
    await fleet.deploy("second", "g2")
    await fleet.pipeline.reconcile_once()
    held = [fleet.records(id)[0].spec["devices"][0]["gpu_uuid"] for id in ("first", "second")]
    assert held == ["n1-gpu0", "n1-gpu1"]
    await fleet.store.write(lambda tx: delete_deployment(tx, "first"))
    await fleet.pipeline.reconcile_once()
    assert fleet.records("second")[0].spec["devices"][0]["gpu_uuid"] == "n1-gpu1"


async def test_a_lost_node_keeps_what_has_no_other_place(fleet: PlacedFleet) -> None:
    """Also when the control plane itself is cut off from all of them: nothing is taken from anybody."""
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    before = fleet.records("chat")
    fleet.pass_time(3600)
    await fleet.pipeline.reconcile_once()
    assert fleet.records("chat") == before
    assert fleet.status("chat")["missing_min"] == 1
    await fleet.join("n1", epoch=2)
    await fleet.pipeline.reconcile_once()
    assert fleet.records("chat") == before
    assert fleet.status("chat")["missing_min"] == 0


async def test_a_deleted_node_loses_its_placements(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.store.write(lambda tx: tx.delete(Kind.NODE, "n1"))
    assert await fleet.placements("chat") == {}


async def test_a_deleted_deployment_takes_its_placements_along(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.store.write(lambda tx: delete_deployment(tx, "chat"))
    await fleet.pipeline.reconcile_once()
    assert fleet.placed("chat") == {}
    assert fleet.store.all(Kind.REVISION) == []


async def test_a_stopped_deployment_has_no_placement_and_misses_nothing(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.deploy("chat", low=0, high=0)
    assert await fleet.placements("chat") == {}
    assert fleet.missing("chat") == NOTHING_MISSING


async def test_a_new_revision_keeps_the_placements_id(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    before = fleet.records("chat")[0]
    await fleet.deploy("chat", env={"A": "1"})
    await fleet.pipeline.reconcile_once()
    after = fleet.records("chat")[0]
    assert (after.id, before.spec["revision"], after.spec["revision"]) == (before.id, 1, 2)


async def test_a_better_pool_comes_first_and_the_rest_overflows(fleet: PlacedFleet) -> None:
    await fleet.join("n1", pool="a", cpu=4000)
    await fleet.join("n2", pool="b")
    await fleet.deploy("chat", low=0, high=5, pools="ba")
    assert await fleet.placements("chat") == {"n2": (0, 0, 4), "n1": (1, 0, 1)}


async def test_a_decision_about_what_has_changed_meanwhile_is_dropped(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    write = fleet.store.write

    async def changes_first(change: Any) -> Any:
        fleet.store.write = write  # type: ignore[method-assign]
        await fleet.store.write(lambda tx: delete_deployment(tx, "chat"))
        return await write(change)

    fleet.store.write = changes_first  # type: ignore[method-assign]
    await fleet.pipeline.reconcile_once()
    assert fleet.store.all(Kind.PLACEMENT) == []


async def test_a_failed_write_is_raised_and_the_next_round_mends_it(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    with pytest.raises(HomeportError, match="full"):
        await fleet.pipeline.reconcile_once()
    assert list(await fleet.placements("chat")) == ["n1"]


async def test_the_loop_wakes_for_deployments_and_for_nodes_but_not_for_replicas(fleet: PlacedFleet) -> None:
    rounds = 0
    reconcile = fleet.pipeline.reconcile_once
    idle = asyncio.Event()

    async def counted() -> None:
        nonlocal rounds
        rounds += 1
        await reconcile()
        idle.set()

    async def next_round() -> int:
        await asyncio.wait_for(idle.wait(), 60)
        for _ in range(50):
            await asyncio.sleep(0)
        idle.clear()
        return rounds

    fleet.pipeline.reconcile_once = counted  # type: ignore[method-assign]
    running = asyncio.create_task(fleet.pipeline.run())
    await next_round()
    await fleet.deploy("chat")
    await next_round()
    assert fleet.status("chat")["missing_min"] == 1
    await fleet.join("n1")
    settled = await next_round()
    assert len(fleet.records("chat")) == 1
    fleet.registry.set_replicas("n1", [])
    for _ in range(50):
        await asyncio.sleep(0)
    assert rounds == settled
    running.cancel()
    await asyncio.wait([running])
    assert fleet.registry.listeners == []


async def test_a_failing_round_does_not_end_the_loop(fleet: PlacedFleet) -> None:
    await fleet.deploy("chat")
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    stream = fleet.store.changes()
    running = asyncio.create_task(fleet.pipeline.run())
    for _ in range(50):
        await asyncio.sleep(0)
    await fleet.join("n1")
    changes = await asyncio.wait_for(anext(stream), 60)
    assert changes
    while not fleet.records("chat"):
        await asyncio.wait_for(anext(stream), 60)
    running.cancel()
    await asyncio.wait([running])


async def test_planning_lets_others_run_between_deployments(fleet: PlacedFleet) -> None:
    for number in range(5):
        await fleet.add_model(f"x{number}")
        await fleet.deploy(f"d{number}", f"x{number}")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await fleet.pipeline.reconcile_once()
    task.cancel()
    assert turns >= 5


async def test_a_deployment_that_was_stopped_gets_its_place_back_when_it_starts(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", low=1, high=3)
    await fleet.pipeline.reconcile_once()
    await fleet.deploy("chat", low=1, high=3, state="stopped")
    assert await fleet.placements("chat") == {}
    assert fleet.missing("chat") == NOTHING_MISSING
    await fleet.deploy("chat", low=1, high=3, state="running")
    assert await fleet.placements("chat") == {"n1": (0, 1, 3)}


async def test_a_cluster_that_loses_a_label_loses_what_must_reside_there(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", residency={"region": "eu"})
    assert await fleet.placements("chat") == {}
    assert [(r["filter"], r["need"]) for r in fleet.status("chat")["rejections"]] == [("residency", "region=eu")]
    await fleet.apply({"compute_cluster": {"id": "office", "labels": {"region": "eu"}}})
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.apply({"compute_cluster": {"id": "office", "labels": {"region": "us"}}})
    assert await fleet.placements("chat") == {}


async def test_deployments_that_stay_apart_share_no_node_whichever_says_so(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("embed", "m1")
    await fleet.deploy("chat", "m2", affinity={"apart_from": ["embed"]})
    await fleet.deploy("tags", "m3", high=2)
    [embed], [chat] = (await fleet.placements("embed")).items(), (await fleet.placements("chat")).items()
    assert embed[0] != chat[0]
    await fleet.apply({"deployment": {**fleet.spec("tags"), "affinity": {"apart_from": ["chat", "embed"]}}})
    assert await fleet.placements("tags") == {}
    assert {why["filter"] for why in fleet.status("tags")["rejections"]} == {"apart_from"}


async def test_where_both_are_already_the_younger_one_leaves(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("embed", "m1")
    fleet.wall.advance(1)
    await fleet.deploy("chat", "m2")
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.join("n2")
    await fleet.apply({"deployment": {**fleet.spec("embed"), "affinity": {"apart_from": ["chat"]}}})
    assert list(await fleet.placements("chat")) == ["n2"]
    assert list(await fleet.placements("embed")) == ["n1"]


async def test_labels_of_nodepools_and_hosts_are_matched_and_the_nearest_wins(fleet: PlacedFleet) -> None:
    await fleet.apply({"nodepool": {"id": "a", "compute_cluster": {"id": "office"}, "labels": {"disk": "nvme"}}})
    await fleet.join("n1")
    await fleet.join("n2", "b", labels={"disk": "nvme"})
    await fleet.join("n3", labels={"disk": "hdd"})
    await fleet.deploy("chat", pools="ab", high=12, affinity={"require": {"disk": "nvme"}})
    assert list(await fleet.placements("chat")) == ["n1", "n2"]
    assert [(why["node_id"], why["have"]) for why in fleet.status("chat")["rejections"]] == [("n3", "disk=hdd")]
    await fleet.apply({"nodepool": {"id": "a", "compute_cluster": {"id": "office"}}})
    assert list(await fleet.placements("chat")) == ["n2"]


async def test_the_status_tells_when_it_was_placed_and_why_it_was_not_before(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=1000)
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    began = fleet.wall()
    fleet.pass_time(10, alive="n1")
    await fleet.join("n2")
    await fleet.pipeline.reconcile_once()
    assert [(each["at"] - began, each["verdict"], each["text"]) for each in fleet.status("chat")["events"]] == [
        (0.0, "pending", "n1: cpu: needs 2, has 1 free"),
        (10.0, "placed", "up to 1 replicas: n2 (1)"),
    ]
    writes = fleet.store.seq
    fleet.pass_time(10, alive="n1 n2")
    await fleet.pipeline.reconcile_once()
    assert fleet.store.seq == writes


async def test_a_round_thinks_again_only_about_what_is_not_as_it_was(
    fleet: PlacedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    thought_about: list[str] = []

    def noting(deployment: Any, *more: Any) -> Any:
        thought_about.append(deployment.id)
        return decide(deployment, *more)

    monkeypatch.setattr("controlplane.pipelines.placements.decide", noting)
    await fleet.join("n1")
    await fleet.join("n2", pool="b", cpu=2000)
    await fleet.deploy("settled", "m1")
    await fleet.deploy("short", "m2", high=3, pools="b")
    for _ in range(3):
        await fleet.pipeline.reconcile_once()
    thought_about.clear()
    await fleet.pipeline.reconcile_once()
    assert thought_about == []
    await fleet.join("n3", pool="b")
    await fleet.pipeline.reconcile_once()
    assert thought_about == ["short"], "only it could use the new node"
    thought_about.clear()
    fleet.pass_time(6, alive="n2 n3")
    await fleet.pipeline.reconcile_once()
    assert "settled" in thought_about, "its node is silent"


async def test_what_is_decided_and_not_yet_written_is_not_given_away_by_a_look_at_the_fleet(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=2000)
    await fleet.deploy("first", "m1")
    await fleet.deploy("second", "m2")
    write = fleet.store.write

    async def looked_at_first(change: Any) -> Any:
        await fleet.view.refresh()
        return await write(change)

    fleet.store.write = looked_at_first  # type: ignore[method-assign]
    await fleet.pipeline.reconcile_once()
    assert [len(fleet.records(id)) for id in ("first", "second")] == [1, 0]


async def test_room_of_a_decision_that_was_never_written_is_given_back(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=2000)
    await fleet.deploy("first", "m1")
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    with pytest.raises(HomeportError, match="full"):
        await fleet.pipeline.reconcile_once()
    await fleet.store.write(lambda tx: delete_deployment(tx, "first"))
    await fleet.deploy("second", "m2")
    assert list(await fleet.placements("second")) == ["n1"]
