"""What happens to placements while a node is away, and when it comes back."""

import pytest

from tests.fakes.placed_fleet import PlacedFleet


async def deploy_on_n1(fleet: PlacedFleet, **on_disconnect: object) -> None:
    """It runs on n1, which is older than n2."""
    await fleet.join("n1")
    await fleet.deploy("chat", on_disconnect=on_disconnect)
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.runs("n1", "ready", since=100)
    await fleet.join("n2")


async def come_back(fleet: PlacedFleet, since: float) -> None:
    await fleet.join("n1", epoch=2)
    fleet.runs("n1", "ready", since=since)


async def test_a_silent_node_keeps_its_placement_until_it_is_lost(fleet: PlacedFleet) -> None:
    await deploy_on_n1(fleet)
    fleet.pass_time(60, alive="n2")
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(0.1, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]
    assert fleet.replaced("chat") == ["n1"], "it says what may still run there"


@pytest.mark.parametrize(("lost_after", "seconds"), [(5, 15), (20, 20), (60, 60), (600, 600)])
async def test_each_deployment_says_after_how_long_it_is_replaced(
    fleet: PlacedFleet, lost_after: float, seconds: float
) -> None:
    """Not before the node is disconnected."""
    await deploy_on_n1(fleet, lost_after_seconds=lost_after)
    fleet.pass_time(seconds, alive="n2")
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(0.1, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]


async def test_what_somebody_waits_for_and_runs_nowhere_goes_to_another_node_as_soon_as_its_own_is_disconnected(
    fleet: PlacedFleet,
) -> None:
    await deploy_on_n1(fleet, lost_after_seconds=600)
    fleet.runs("n1")
    fleet.pass_time(15.1, alive="n2")
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.wakes.hear("chat")
    assert list(await fleet.placements("chat")) == ["n2"]
    assert fleet.replaced("chat") == ["n1"]


@pytest.mark.parametrize("runs", ["starting", "ready", "unknown"])
async def test_waiting_makes_no_second_copy_of_what_may_run(fleet: PlacedFleet, runs: str) -> None:
    await deploy_on_n1(fleet)
    fleet.runs("n1", runs)
    fleet.pass_time(15.1, alive="n2")
    fleet.wakes.hear("chat")
    assert list(await fleet.placements("chat")) == ["n1"]


async def test_somebody_is_waited_for_no_longer_than_a_request_may_wait(fleet: PlacedFleet) -> None:
    await deploy_on_n1(fleet, lost_after_seconds=600)
    woken: list[str] = []
    fleet.wakes.on_wake = lambda: woken.append("chat")
    fleet.wakes.hear("chat")
    fleet.wakes.hear("chat")
    fleet.wakes.hear("nobody")
    assert woken == ["chat"]
    fleet.pass_time(59.9, alive="n1 n2")
    assert fleet.wakes.is_awaited("chat")
    fleet.pass_time(0.1, alive="n1 n2")
    assert not fleet.wakes.is_awaited("chat")
    fleet.wakes.hear("chat")
    assert woken == ["chat", "chat"]


async def test_without_replacement_the_budget_waits_for_the_node(fleet: PlacedFleet) -> None:
    await deploy_on_n1(fleet, replace=False)
    fleet.pass_time(100_000, alive="n2")
    assert list(await fleet.placements("chat")) == ["n1"]
    assert fleet.replaced("chat") == []


@pytest.mark.parametrize(
    ("reconcile", "original_since", "stays"),
    [
        ("keep_original", 900, "n1"),
        ("keep_replacement", 100, "n2"),
        ("longest_running", 100, "n1"),
        ("longest_running", 900, "n2"),
        ("best_score", 900, "n1"),  # equal nodes: the first by id
    ],
)
async def test_who_stays_when_it_comes_back(
    fleet: PlacedFleet, reconcile: str, original_since: float, stays: str
) -> None:
    await deploy_on_n1(fleet, reconcile=reconcile)
    fleet.pass_time(61, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]
    fleet.runs("n2", "ready", since=500)
    await come_back(fleet, original_since)
    assert list(await fleet.placements("chat")) == [stays]
    assert fleet.replaced("chat") == []
    fleet.runs("n2" if stays == "n1" else "n1")
    assert list(await fleet.placements("chat")) == [stays], "that is the end of it"


async def test_the_replacement_serves_until_the_one_that_came_back_does(fleet: PlacedFleet) -> None:
    """Its host was rebooted: the original has to start again."""
    await deploy_on_n1(fleet)
    fleet.pass_time(61, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]
    fleet.runs("n2", "ready")
    await fleet.join("n1", epoch=2)
    fleet.runs("n1", "starting")
    assert await fleet.placements("chat") == {"n1": (0, 1, 1), "n2": (1, 1, 1)}
    fleet.runs("n1", "ready")
    assert list(await fleet.placements("chat")) == ["n1"]


async def test_a_node_that_is_heard_but_not_ready_is_still_away(fleet: PlacedFleet) -> None:
    await deploy_on_n1(fleet)
    fleet.pass_time(61, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]
    fleet.runs("n2", "ready")
    await come_back(fleet, 100)
    fleet.registry.disconnected("n1", 2)
    assert list(await fleet.placements("chat")) == ["n2"]
    assert fleet.replaced("chat") == ["n1"]


@pytest.mark.parametrize(("reconcile", "expected"), [("keep_original", "a1"), ("keep_replacement", "b1")])
async def test_going_back_to_a_better_nodepool_is_policy(fleet: PlacedFleet, reconcile: str, expected: str) -> None:
    await fleet.join("b1", pool="b")
    await fleet.deploy("chat", pools="ab", on_disconnect={"reconcile": reconcile})
    assert list(await fleet.placements("chat")) == ["b1"], "the better nodepool is empty"
    fleet.runs("b1", "ready")
    await fleet.join("a1", pool="a")
    placed = await fleet.placements("chat")
    assert "b1" in placed, "it serves until another is ready"
    fleet.runs(min(placed), "ready")
    assert list(await fleet.placements("chat")) == [expected]


async def test_while_the_brake_is_on_nobody_is_replaced_however_short_the_bound(fleet: PlacedFleet) -> None:
    for number in range(1, 5):
        await fleet.join(f"n{number}")
    await fleet.deploy("chat", on_disconnect={"lost_after_seconds": 5})
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(16, alive="n4")
    fleet.registry.tally({f"n{number}": "office" for number in range(1, 5)})
    assert fleet.registry.brake.engaged_at is not None
    assert list(await fleet.placements("chat")) == ["n1"]
