"""Properties of the placement decision on any fleet, and its edges told one by one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.placement.filter import usable_gpus
from homeport.core.placement.plan import plan
from homeport.core.placement.types import Candidate, Plan, Reservation, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Gpu, Inventory
from homeport.core.status import NodeStatus

GIB = 2**30
POOLS = ("office/a", "office/b")


def candidate(name: str, cpu: int = 8000, memory_gib: int = 16, gpus: int = 0, **more: object) -> Candidate:
    devices = tuple(Gpu(f"{name}-{n}", "NVIDIA H100 80GB HBM3", 80 * GIB) for n in range(gpus))
    inventory = Inventory(name, cpu_milli=cpu, memory_bytes=memory_gib * GIB, gpus=devices, drivers=("process",))
    base = Candidate(name, name, POOLS[0], NodeStatus.READY, inventory)
    return replace(base, **more)  # type: ignore[arg-type]


def wanted(low: int = 1, high: int = 1, held: frozenset[str] = frozenset(), **needs: object) -> Wanted:
    return Wanted("chat", "process", ComputeNeeds(**needs), Scaling(low, high), POOLS, held)  # type: ignore[arg-type]


candidates = st.builds(
    lambda number, cpu, memory, gpus, broken, pool, status, taken_cpu, taken_gpus: candidate(
        f"n{number:02}",
        cpu,
        memory,
        nodepool=pool,
        status=status,
        reserved=Reservation(taken_cpu, 0, frozenset(f"n{number:02}-{n}" for n in range(taken_gpus))),
        inventory=Inventory(
            f"n{number:02}",
            cpu_milli=cpu,
            memory_bytes=memory * GIB,
            gpus=tuple(
                Gpu(f"n{number:02}-{n}", "NVIDIA L4", 24 * GIB, problem="fell off the bus" if n in broken else "")
                for n in range(gpus)
            ),
            drivers=("process",),
        ),
    ),
    st.integers(0, 30),
    st.integers(0, 16_000),
    st.integers(0, 32),
    st.integers(0, 8),
    st.sets(st.integers(0, 7), max_size=2),
    st.sampled_from([*POOLS, "elsewhere/x"]),
    st.sampled_from(list(NodeStatus)),
    st.integers(0, 20_000),
    st.integers(0, 8),
)
fleets = st.lists(candidates, max_size=8, unique_by=lambda each: each.node_id)
scalings = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
demands = st.builds(
    lambda bounds, cpu, memory, gpus, packing: replace(
        wanted(*bounds, cpu_milli=cpu, memory_bytes=memory * GIB, accelerators=gpus),
        scaling=Scaling(bounds[0], bounds[1], disable_packing=packing),
    ),
    scalings,
    st.integers(0, 4000),
    st.integers(0, 8),
    st.integers(0, 3),
    st.booleans(),
)


def holding(demand: Wanted, planned: Plan) -> Wanted:
    return replace(demand, current_nodes=tuple(budget.node_id for budget in planned.budgets))


@given(demands, fleets)
def test_sums_are_what_was_asked_for_or_said_to_be_missing(demand: Wanted, fleet: list[Candidate]) -> None:
    planned = plan(demand, fleet)
    maxima = sum(budget.max_replicas for budget in planned.budgets)
    minima = sum(budget.min_replicas for budget in planned.budgets)
    assert maxima + planned.missing_max == demand.scaling.max_replicas
    if demand.scaling.max_replicas:
        assert minima + planned.missing_min == demand.scaling.min_replicas
    assert minima <= maxima
    assert all(0 <= b.min_replicas <= b.max_replicas and b.max_replicas > 0 for b in planned.budgets)
    assert [budget.rank for budget in planned.budgets] == sorted({budget.rank for budget in planned.budgets})


@given(demands, fleets)
def test_nothing_is_oversold(demand: Wanted, fleet: list[Candidate]) -> None:
    by_id = {each.node_id: each for each in fleet}
    for budget in plan(demand, fleet).budgets:
        node, needs = by_id[budget.node_id], demand.needs
        assert node.nodepool in demand.nodepools
        assert node.status is NodeStatus.READY
        if needs.cpu_milli:
            used = node.reserved.cpu_milli + needs.cpu_milli * budget.max_replicas
            assert used <= node.inventory.cpu_milli
        if needs.memory_bytes:
            assert needs.memory_bytes * budget.max_replicas <= node.inventory.memory_bytes
        uuids = [share.gpu_uuid for share in budget.devices]
        assert len(uuids) == len(set(uuids)) == needs.accelerators * budget.max_replicas
        healthy = {gpu.uuid for gpu in node.inventory.gpus if not gpu.problem}
        assert set(uuids) <= healthy - node.reserved.gpu_uuids
        if demand.scaling.disable_packing:
            assert budget.max_replicas == 1


@given(demands, fleets, st.randoms())
def test_equal_input_gives_equal_output_in_any_order(demand: Wanted, fleet: list[Candidate], random: object) -> None:
    shuffled = list(fleet)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = plan(demand, fleet), plan(demand, shuffled)
    assert first.budgets == second.budgets
    assert (first.missing_min, first.missing_max) == (second.missing_min, second.missing_max)


@given(demands, fleets)
def test_a_second_round_changes_nothing(demand: Wanted, fleet: list[Candidate]) -> None:
    planned = plan(demand, fleet)
    again = plan(holding(demand, planned), fleet)
    assert {b.node_id: (b.min_replicas, b.max_replicas, b.devices) for b in again.budgets} == {
        b.node_id: (b.min_replicas, b.max_replicas, b.devices) for b in planned.budgets
    }


@given(demands, fleets, st.data())
def test_removing_a_node_never_moves_the_others(demand: Wanted, fleet: list[Candidate], data: st.DataObject) -> None:
    planned = plan(demand, fleet)
    if not planned.budgets:
        return
    gone = data.draw(st.sampled_from([budget.node_id for budget in planned.budgets]))
    after = plan(holding(demand, planned), [each for each in fleet if each.node_id != gone])
    kept = {budget.node_id: budget for budget in after.budgets}
    for budget in planned.budgets:
        if budget.node_id != gone:
            assert kept[budget.node_id].max_replicas >= budget.max_replicas
            assert kept[budget.node_id].min_replicas >= budget.min_replicas
            assert kept[budget.node_id].devices[: len(budget.devices)] == budget.devices


@given(demands, fleets, candidates)
def test_a_node_that_joins_settles_in_one_round(demand: Wanted, fleet: list[Candidate], new: Candidate) -> None:
    planned = plan(demand, fleet)
    grown = [*(each for each in fleet if each.node_id != new.node_id), new]
    first = plan(holding(demand, planned), grown)
    assert plan(holding(demand, first), grown).budgets == first.budgets


@given(demands, fleets)
def test_whoever_finds_no_place_is_told_why(demand: Wanted, fleet: list[Candidate]) -> None:
    planned = plan(demand, fleet)
    in_pools = [each for each in fleet if each.nodepool in demand.nodepools]
    if demand.scaling.max_replicas and not planned.budgets:
        assert len(planned.rejections) == len(in_pools)
    assert all(rejection.need and rejection.have for rejection in planned.rejections)


@pytest.mark.parametrize(
    ("low", "high", "cpu", "expected"),
    [
        (1, 4, [8000, 8000], {"n0": (1, 4)}),
        (2, 4, [8000, 8000], {"n0": (1, 3), "n1": (1, 1)}),
        (2, 2, [8000], {"n0": (2, 2)}),
        (0, 6, [8000, 8000], {"n0": (0, 4), "n1": (0, 2)}),
        (3, 9, [4000, 8000, 2000], {"n0": (1, 2), "n1": (1, 4), "n2": (1, 1)}),
        (0, 0, [8000], {}),
    ],
)
def test_budgets(low: int, high: int, cpu: list[int], expected: dict[str, tuple[int, int]]) -> None:
    fleet = [candidate(f"n{number}", each) for number, each in enumerate(cpu)]
    planned = plan(wanted(low, high, cpu_milli=2000), fleet)
    assert {b.node_id: (b.min_replicas, b.max_replicas) for b in planned.budgets} == expected


@pytest.mark.parametrize(
    ("changes", "filter", "need", "have"),
    [
        ({"status": NodeStatus.SUSPECT}, "status", "ready", "suspect"),
        ({"cordoned": True}, "cordon", "a node that takes new replicas", "cordoned"),
        ({"inventory": Inventory("n", cpu_milli=8000, memory_bytes=GIB)}, "driver", "process", "none"),
        ({"reserved": Reservation(cpu_milli=7000)}, "cpu", "2", "1 free"),
        ({"reserved": Reservation(memory_bytes=12 * GIB)}, "memory", "8Gi", "4Gi free"),
        ({"reserved": Reservation(gpu_uuids=frozenset({"n-0"}))}, "accelerator", "2 x h100 of 40Gi", "1 usable of 2"),
    ],
)
def test_a_rejection_says_need_and_have(changes: dict[str, Any], filter: str, need: str, have: str) -> None:
    demand = wanted(
        cpu_milli=2000,
        memory_bytes=8 * GIB,
        accelerators=2,
        accelerator_types=("h100",),
        accelerator_memory_bytes=40 * GIB,
    )
    assert plan(demand, [candidate("n", gpus=2)]).rejections == ()
    (rejection,) = plan(demand, [candidate("n", gpus=2, **changes)]).rejections
    assert (rejection.filter, rejection.need, rejection.have) == (filter, need, have)


@pytest.mark.parametrize("status", [NodeStatus.READY, NodeStatus.SUSPECT, NodeStatus.DISCONNECTED])
def test_a_node_keeps_what_it_holds_while_it_is_silent_or_cordoned(status: NodeStatus) -> None:
    node = candidate("n", status=status, cordoned=True)
    assert len(plan(wanted(held=frozenset({"n"})), [node]).budgets) == 1
    lost = candidate("n", status=NodeStatus.LOST)
    assert plan(wanted(held=frozenset({"n"})), [lost]).budgets == ()


def test_devices_that_are_held_are_taken_first() -> None:
    node = candidate("n", gpus=3, held_gpu_uuids=frozenset({"n-2"}))
    (budget,) = plan(wanted(accelerators=1), [node]).budgets
    assert [share.gpu_uuid for share in budget.devices] == ["n-2"]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("NVIDIA-*", True), ("nvidia-h100*", True), ("H100", True), ("h10", False), ("A100", False), ("AMD-*", False)],
)
def test_accelerator_types_are_patterns_or_words(pattern: str, fits: bool) -> None:
    node = candidate("n", gpus=1)
    assert bool(usable_gpus(node, wanted(accelerators=1, accelerator_types=(pattern,)))) is fits


@pytest.mark.parametrize(
    ("residency", "labels", "has"),
    [
        ({}, {}, None),
        ({"region": "eu"}, {"region": "eu", "tier": "1"}, None),
        ({"region": "eu"}, {"region": "us"}, "region=us"),
        ({"region": "eu"}, {}, "a cluster without label region"),
        ({"region": "eu", "owner": "us"}, {"region": "eu"}, "a cluster without label owner"),
        ({"region": ""}, {}, "a cluster without label region"),
    ],
)
@pytest.mark.parametrize("held", [(), ("n1",)])
def test_residency_holds_for_new_and_for_running_replicas(
    residency: dict[str, str], labels: dict[str, str], has: str | None, held: tuple[str, ...]
) -> None:
    asked = replace(wanted(), residency=residency, current_nodes=held)
    planned = plan(asked, [candidate("n1", labels=labels)])
    assert bool(planned.budgets) == (has is None)
    assert [(r.filter, r.have) for r in planned.rejections] == ([] if has is None else [("residency", has)])


def test_a_node_that_waits_to_be_let_in_gets_nothing_and_the_reason_says_what_to_do() -> None:
    planned = plan(wanted(), [candidate("rack7", approved=False)])
    assert planned.budgets == ()
    assert "homeport node approve rack7" in str(planned.rejections[0])
    assert plan(wanted(), [candidate("rack7", approved=False), candidate("rack8")]).budgets[0].node_id == "rack8"
