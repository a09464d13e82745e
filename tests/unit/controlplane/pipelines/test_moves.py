"""What the placement decision makes of a move that a rebalance asks for, and of a node that is to be left to others."""

from controlplane.fleet.preemption import mark_evicted
from controlplane.store.store import Kind
from homeport.core import canonical
from homeport.core.rebalance.types import Move
from tests.fakes.placed_fleet import PlacedFleet


async def ask(fleet: PlacedFleet, move: Move | None) -> None:
    record = fleet.store.get(Kind.DEPLOYMENT, "chat")
    assert record is not None
    status = {key: value for key, value in record.status.items() if key != "move"}
    if move is not None:
        status["move"] = canonical.to_plain(move)
    await fleet.store.write(lambda tx: tx.put_status(Kind.DEPLOYMENT, "chat", status))


async def on_n1(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", low=1, high=1)
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}
    fleet.runs("n1", "ready")
    await fleet.join("n2")


async def test_it_is_ready_there_before_it_ends_here(fleet: PlacedFleet) -> None:
    await on_n1(fleet)
    await ask(fleet, Move("chat", "n1", "n2", 1))
    assert await fleet.placements("chat") == {"n2": (0, 1, 1), "n1": (1, 1, 1)}
    fleet.runs("n2", "ready")
    assert await fleet.placements("chat") == {"n2": (0, 1, 1)}
    await ask(fleet, None)
    assert await fleet.placements("chat") == {"n2": (0, 1, 1)}, "where it is, it stays"


async def test_half_way_it_may_be_taken_back(fleet: PlacedFleet) -> None:
    await on_n1(fleet)
    await ask(fleet, Move("chat", "n1", "n2", 1))
    await fleet.placements("chat")
    await ask(fleet, Move("chat", "n2", "n1", 1))
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}, "nothing is ready on n2 that anybody would miss"


async def test_where_there_is_no_room_any_more_it_stays(fleet: PlacedFleet) -> None:
    await on_n1(fleet)
    await fleet.add_model("big", cpu_limit="7")
    await fleet.deploy("other", "big")
    assert await fleet.placements("other") == {"n2": (0, 1, 1)}
    await ask(fleet, Move("chat", "n1", "n2", 1))
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}


async def test_a_drain_comes_before_a_move(fleet: PlacedFleet) -> None:
    await on_n1(fleet)
    await fleet.join("n3")
    await fleet.drain("n2")
    await ask(fleet, Move("chat", "n1", "n2", 1))
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}
    await fleet.drain("n1")
    assert (await fleet.placements("chat")).keys() == {"n1", "n3"}


async def test_those_of_higher_priority_are_served_first(fleet: PlacedFleet) -> None:
    await fleet.deploy("old", "m1")
    await fleet.deploy("chat", "m2", priority=1)
    await fleet.join("n1", cpu=2000)
    assert await fleet.placements("chat") == {"n1": (0, 1, 1)}
    assert fleet.placed("old") == {}


async def test_a_node_is_left_at_once_only_where_nothing_else_has_room(fleet: PlacedFleet) -> None:
    await on_n1(fleet)
    await fleet.store.write(lambda tx: mark_evicted(tx, {"chat": {"n1": "boss"}}))
    assert await fleet.placements("chat") == {"n2": (0, 1, 1), "n1": (1, 1, 1)}, "as in a drain"
    fleet.runs("n2", "ready")
    assert await fleet.placements("chat") == {"n2": (0, 1, 1)}
    await fleet.store.write(lambda tx: mark_evicted(tx, {"chat": {"n1": "boss", "n2": "boss"}}))
    assert await fleet.placements("chat") == {}
    assert {each["filter"] for each in fleet.status("chat")["rejections"]} == {"preempted"}
