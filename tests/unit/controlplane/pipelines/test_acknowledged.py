"""Who is given less has to say that it knows before others are given more."""

import pytest

from homeport.core.status import NodeStatus
from tests.fakes.placed_fleet import PlacedFleet


def maxima(fleet: PlacedFleet, deployment: str = "chat") -> dict[str, int]:
    return {node: most for node, (_, _, most) in fleet.placed(deployment).items()}


async def spread_over_two(fleet: PlacedFleet) -> None:
    """Four replicas on n1 alone; then two nodes are to have them, by an edit."""
    await fleet.join("n1")
    await fleet.deploy("chat", low=1, high=4)
    assert await fleet.placements("chat") == {"n1": (0, 1, 4)}
    await fleet.join("n2")
    await fleet.deploy("chat", low=2, high=4)
    await fleet.pipeline.reconcile_once()


async def test_the_second_node_gets_its_budget_when_the_first_has_acknowledged(fleet: PlacedFleet) -> None:
    await spread_over_two(fleet)
    assert maxima(fleet) == {"n1": 3}
    assert fleet.status("chat")["withheld"] == 1
    assert [(each["node_id"], each["max_replicas"]) for each in fleet.status("chat")["unacked"]] == [("n1", 4)]
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3}, "nothing was heard meanwhile"
    fleet.acknowledge("n1")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3, "n2": 1}
    assert (fleet.status("chat")["withheld"], fleet.status("chat")["unacked"]) == (0, [])


async def test_the_acknowledgement_of_an_older_write_is_none(fleet: PlacedFleet) -> None:
    await spread_over_two(fleet)
    (wait,) = fleet.status("chat")["unacked"]
    fleet.registry.acknowledged("n1", wait["seq"] - 1)
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3}
    fleet.registry.acknowledged("n1", wait["seq"])
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3, "n2": 1}


async def test_what_is_not_acknowledged_is_waited_for_after_a_restart_of_the_control_plane(fleet: PlacedFleet) -> None:
    await spread_over_two(fleet)
    fleet.restart()
    await fleet.join("n1", epoch=2)
    await fleet.join("n2", epoch=2)
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3}
    fleet.acknowledge("n1")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n1": 3, "n2": 1}


async def test_a_placement_that_was_taken_away_is_waited_for(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", high=2)
    await fleet.placements("chat")
    await fleet.deploy("chat", high=2, state="stopped")
    await fleet.pipeline.reconcile_once()
    await fleet.join("n2", pool="b")
    await fleet.deploy("chat", high=2, pools="b")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {}
    fleet.acknowledge("n1")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n2": 2}


async def test_a_silent_node_is_waited_for_until_it_is_lost_and_counts_on_top_then(fleet: PlacedFleet) -> None:
    await spread_over_two(fleet)
    fleet.pass_time(30, alive="n2")
    await fleet.pipeline.reconcile_once()
    assert fleet.registry.status("n1") is NodeStatus.DISCONNECTED
    assert maxima(fleet) == {"n1": 3}
    fleet.pass_time(40, alive="n2")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n2": 4}
    assert fleet.status("chat")["away"] == [{"node_id": "n1", "max_replicas": 4}], "it acts on what it heard last"


async def test_a_deleted_node_is_waited_for_no_more(fleet: PlacedFleet) -> None:
    await spread_over_two(fleet)
    await fleet.delete_node("n1")
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {"n2": 4}
    assert fleet.status("chat")["unacked"] == []


async def test_a_silent_node_that_a_person_gives_up_is_waited_for_no_more(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat", high=2, on_disconnect={"replace": False})
    (home,) = await fleet.placements("chat")
    other = "n1" if home == "n2" else "n2"
    fleet.pass_time(3600, alive=other)
    assert await fleet.placements("chat") == {home: (0, 1, 2)}
    await fleet.drain(home, force=True)
    await fleet.pipeline.reconcile_once()
    assert maxima(fleet) == {other: 2}


@pytest.mark.parametrize(("node", "rounds"), [("n1", 1), ("n2", 0)])
async def test_an_acknowledgement_wakes_the_loop_if_somebody_waits_for_it(
    fleet: PlacedFleet, node: str, rounds: int
) -> None:
    await spread_over_two(fleet)
    hints = []
    fleet.pipeline.hint = lambda: hints.append(node)  # type: ignore[method-assign]
    fleet.pipeline._node_acked(node)
    assert len(hints) == rounds
