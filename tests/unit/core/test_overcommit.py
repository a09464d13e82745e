"""Maxima that share a device, told one by one. Properties are in test_fleet.py."""

from dataclasses import replace

from homeport.core.placement.explain import explain
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.rejections import rejections
from homeport.core.placement.types import Candidate, Held, Plan, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Gpu, Inventory
from homeport.core.status import NodeStatus

GIB = 2**30
POOLS = ("office/a", "office/b")
GPU = ComputeNeeds(accelerators=1)


def node(name: str, gpus: int = 1, pool: str = POOLS[0], overcommit: float = 4.0) -> Candidate:
    devices = tuple(Gpu(f"{name}-{number}", "NVIDIA L4", 24 * GIB) for number in range(gpus))
    inventory = Inventory(name, cpu_milli=8000, memory_bytes=32 * GIB, gpus=devices, drivers=("process",))
    return Candidate(name, name, pool, NodeStatus.READY, inventory, overcommit=overcommit)


def fleet_of(*nodes: Candidate) -> Fleet:
    fleet = Fleet()
    for each in nodes:
        fleet.put(each)
    return fleet


def wanted(id: str, low: int, high: int, needs: ComputeNeeds = GPU, held: Plan | None = None) -> Wanted:
    holds = tuple(Held(budget.node_id, budget.max_replicas) for budget in held.budgets) if held else ()
    return Wanted(id, "process", needs, Scaling(low, high), tuple((pool,) for pool in POOLS), holds)


def where(plan: Plan) -> dict[str, tuple[int, int]]:
    return {budget.node_id: (budget.min_replicas, budget.max_replicas) for budget in plan.budgets}


def devices(plan: Plan) -> list[str]:
    return [share.gpu_uuid for budget in plan.budgets for share in budget.devices]


def test_rarely_used_models_share_a_gpu_up_to_the_overcommitment() -> None:
    fleet = fleet_of(node("n1"))
    plans = [place(wanted(f"m{number}", 0, 1), fleet) for number in range(5)]
    assert [where(plan) for plan in plans] == [{"n1": (0, 1)}] * 4 + [{}]
    fifth = wanted("m4", 0, 1)
    assert [str(each) for each in rejections(fifth, fleet, plans[4])] == [
        "n1: accelerator: needs 1 x GPU, has 0 free of 1"
    ]


def test_a_minimum_is_shared_with_nobody() -> None:
    fleet = fleet_of(node("n1"))
    place(wanted("keeps", 1, 1), fleet)
    assert where(place(wanted("late", 0, 1), fleet)) == {}


def test_a_minimum_goes_where_others_may_have_more_than_theirs() -> None:
    fleet = fleet_of(node("n1", gpus=2))
    assert where(place(wanted("elastic", 1, 2), fleet)) == {"n1": (1, 2)}
    needs_one = place(wanted("needs-one", 1, 1), fleet)
    assert where(needs_one) == {"n1": (1, 1)}
    assert devices(needs_one) == ["n1-1"], "the other one is the minimum of `elastic`"
    assert where(place(wanted("late", 1, 1), fleet)) == {}


def test_what_nobody_claims_comes_first_in_whichever_nodepool() -> None:
    fleet = fleet_of(node("n1"), node("n2", pool=POOLS[1]))
    assert where(place(wanted("first", 0, 1), fleet)) == {"n1": (0, 1)}
    assert where(place(wanted("second", 0, 1), fleet)) == {"n2": (0, 1)}
    assert where(place(wanted("third", 0, 1), fleet)) == {"n1": (0, 1)}, "now both are claimed: the better nodepool"


def test_the_device_with_the_least_use_to_be_expected_is_shared_first() -> None:
    fleet = fleet_of(node("n1", gpus=2))
    quarter = replace(GPU, accelerator_milli=250)
    assert devices(place(wanted("small", 1, 1, quarter), fleet)) == ["n1-0"]
    assert devices(place(wanted("large", 0, 1), fleet)) == ["n1-1"]
    assert devices(place(wanted("elastic", 0, 1), fleet)) == ["n1-1"], "a whole one does not fit beside the quarter"
    assert devices(place(wanted("other", 0, 1, quarter), fleet)) == ["n1-0"], "beside the quarter nobody claims it"


def test_who_shares_stays_when_there_is_room_elsewhere() -> None:
    fleet = fleet_of(node("n1"))
    place(wanted("first", 0, 1), fleet)
    second = place(wanted("second", 0, 1), fleet)
    fleet.put(node("n2"))
    assert place(wanted("second", 0, 1, held=second), fleet) == second


def test_who_shares_keeps_its_device() -> None:
    fleet = fleet_of(node("n1", gpus=2))
    place(wanted("first", 0, 2), fleet)
    second = place(wanted("second", 0, 1), fleet)
    place(wanted("third", 0, 1), fleet)
    fleet.release("first")
    assert place(wanted("second", 0, 1, held=second), fleet).budgets == second.budgets


def test_a_minimum_that_rises_leaves_less_to_share() -> None:
    fleet = fleet_of(node("n1", gpus=2))
    first = place(wanted("first", 0, 2), fleet)
    second = place(wanted("second", 0, 2), fleet)
    assert where(second) == {"n1": (0, 2)}
    place(wanted("first", 1, 2, held=first), fleet)
    assert where(place(wanted("second", 0, 2, held=second), fleet)) == {"n1": (0, 1)}


def test_host_memory_is_shared_as_devices_are() -> None:
    fleet = fleet_of(node("n1", gpus=0))
    eight = ComputeNeeds(memory_bytes=8 * GIB)
    assert where(place(wanted("first", 1, 4, eight), fleet)) == {"n1": (1, 4)}
    assert where(place(wanted("second", 1, 4, eight), fleet)) == {"n1": (1, 3)}


def test_a_second_node_is_shared_for_the_sake_of_a_minimum_of_two() -> None:
    fleet = fleet_of(node("n1", gpus=2), node("n2"))
    place(wanted("first", 0, 1, replace(GPU, memory_bytes=0)), fleet)
    place(wanted("second", 2, 2), fleet)
    assert set(where(place(wanted("second", 2, 2), fleet))) == {"n1", "n2"}


def test_one_by_one_where_each_node_takes_one() -> None:
    fleet = fleet_of(node("n1"), node("n2"))
    place(wanted("first", 0, 2), fleet)
    spread = replace(wanted("second", 0, 2), spreads=True)
    assert where(place(spread, fleet)) == {"n1": (0, 1), "n2": (0, 1)}
    alone = replace(wanted("third", 0, 8), scaling=Scaling(0, 8, disable_packing=True))
    assert where(place(alone, fleet)) == {"n1": (0, 1), "n2": (0, 1)}


def test_an_explanation_says_how_often_a_node_is_claimed() -> None:
    fleet = fleet_of(node("n1"))
    place(wanted("first", 0, 1), fleet)
    second = wanted("second", 0, 1)
    held = place(second, fleet)
    (answer,) = explain(wanted("second", 0, 1, held=held), fleet).nodes
    assert (answer.claimed, answer.cost, answer.reasons) == (2.0, None, ())


def test_nothing_is_shared_where_that_is_off() -> None:
    fleet = fleet_of(node("n1", overcommit=1.0))
    place(wanted("first", 0, 1), fleet)
    assert where(place(wanted("second", 0, 1), fleet)) == {}
