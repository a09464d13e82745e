"""A deployment that is crowded out where it is gets its budget elsewhere."""

import pytest

from tests.fakes.placed_fleet import PlacedFleet


async def seconds_pass(fleet: PlacedFleet, seconds: int, **lacking: float) -> None:
    """Rounds every five seconds, as long as which its nodes go on telling what `chat` lacks there."""
    for _ in range(seconds // 5):
        fleet.pass_time(5, alive=" ".join(node.id for node in fleet.nodes()))
        for node, value in lacking.items():
            fleet.registry.set_pressure(node, "chat", value)
        await fleet.placements("chat")


async def a_crowded_gpu(fleet: PlacedFleet) -> None:
    """`chat` and `other` may each use the one GPU of n1."""
    await fleet.add_model("g1", num_accelerators=1)
    await fleet.add_model("g2", num_accelerators=1)
    await fleet.join("n1", gpus=1)
    await fleet.deploy("other", "g1", low=0, high=1)
    await fleet.deploy("chat", "g2", low=0, high=1, pools="ab")
    await fleet.placements("chat")


async def test_it_moves_to_another_node_and_comes_back_when_that_was_long_ago(fleet: PlacedFleet) -> None:
    await a_crowded_gpu(fleet)
    assert await fleet.placements("chat") == {"n1": (0, 0, 1)}
    await fleet.join("n2", pool="b", gpus=1)
    await seconds_pass(fleet, 10, n1=1)
    assert fleet.placed("chat") == {"n1": (0, 0, 1)}, "that may be over soon"
    await seconds_pass(fleet, 10, n1=1)
    assert fleet.placed("chat") == {"n2": (0, 0, 1)}
    await seconds_pass(fleet, 280)
    assert fleet.placed("chat") == {"n2": (0, 0, 1)}
    await seconds_pass(fleet, 60)
    assert fleet.placed("chat") == {"n2": (0, 0, 1)}, "n1 is claimed by `other`: there is nothing better about it"


async def test_where_there_is_no_other_place_it_stays_and_moves_when_there_is_one(fleet: PlacedFleet) -> None:
    await a_crowded_gpu(fleet)
    await seconds_pass(fleet, 60, n1=1)
    assert fleet.placed("chat") == {"n1": (0, 0, 1)}
    await fleet.join("n2", pool="b", gpus=1)
    await seconds_pass(fleet, 5, n1=1)
    assert fleet.placed("chat") == {"n2": (0, 0, 1)}


async def test_only_what_it_lacks_moves(fleet: PlacedFleet) -> None:
    await fleet.join("n1", cpu=8000)
    await fleet.join("n2", pool="b", cpu=8000)
    await fleet.deploy("chat", low=1, high=4, pools="ab")
    assert await fleet.placements("chat") == {"n1": (0, 1, 4)}
    await seconds_pass(fleet, 20, n1=1)
    assert fleet.placed("chat") == {"n1": (0, 1, 3), "n2": (1, 0, 1)}


async def test_what_ends_in_time_moves_nothing(fleet: PlacedFleet) -> None:
    await a_crowded_gpu(fleet)
    await fleet.join("n2", pool="b", gpus=1)
    for _ in range(5):
        await seconds_pass(fleet, 5, n1=1)
        await seconds_pass(fleet, 5, n1=0)
    assert fleet.placed("chat") == {"n1": (0, 0, 1)}


@pytest.mark.parametrize("value", [0.0, -1.0])
async def test_a_node_that_lacks_nothing_is_not_remembered(fleet: PlacedFleet, value: float) -> None:
    await a_crowded_gpu(fleet)
    fleet.registry.set_pressure("n1", "chat", value)
    assert not fleet.registry.pressures.matter("chat")
