"""Properties of the placement decision on any fleet, and its edges told one by one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.placement.affinity import NO_AFFINITY, Affinity, LabelTerm
from homeport.core.placement.choice import ON_DEMAND, SPOT, Choice, Pool, tiers
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place, taken_by, trial
from homeport.core.placement.rejections import rejections
from homeport.core.placement.types import Candidate, Held, Plan, Rejection, Taken, Wanted
from homeport.core.policy import Scaling
from homeport.core.requirements import ANY_HOST, Requirements
from homeport.core.resources import ComputeNeeds, DeviceShare, Gpu, Inventory
from homeport.core.status import NodeStatus

GIB = 2**30
POOLS = ("office/a", "office/b")


def candidate(name: str, cpu: int = 8000, memory_gib: int = 16, gpus: int = 0, **more: object) -> Candidate:
    devices = tuple(Gpu(f"{name}-{n}", "NVIDIA H100 80GB HBM3", 80 * GIB) for n in range(gpus))
    inventory = Inventory(
        name, cpu_milli=cpu, memory_bytes=memory_gib * GIB, disk_bytes=100 * GIB, gpus=devices, drivers=("process",)
    )
    base = Candidate(name, name, POOLS[0], NodeStatus.READY, inventory)
    return replace(base, **more)  # type: ignore[arg-type]


def wanted(low: int = 1, high: int = 1, **needs: object) -> Wanted:
    tiers = tuple((pool,) for pool in POOLS)
    return Wanted("chat", "process", ComputeNeeds(**needs), Scaling(low, high), tiers)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Node:
    """A candidate, and what another deployment has taken of it."""

    candidate: Candidate
    taken: Taken = field(default_factory=Taken)

    @property
    def node_id(self) -> str:
        return self.candidate.node_id


def fleet_of(nodes: Iterable[Node], *plans: tuple[Wanted, Plan]) -> Fleet:
    """`plans` are in force already."""
    fleet = Fleet()
    nodes = list(nodes)
    for node in nodes:
        fleet.put(node.candidate)
    fleet.take("other", {node.node_id: node.taken for node in nodes})
    for demand, planned in plans:
        kept = {budget.node_id for budget in planned.budgets} & {node.node_id for node in nodes}
        fleet.take(
            demand.deployment_id,
            {
                budget.node_id: taken_by(demand.needs, budget.min_replicas, budget.max_replicas, budget.devices)
                for budget in planned.budgets
                if budget.node_id in kept
            },
        )
    return fleet


def plan(demand: Wanted, nodes: Iterable[Node | Candidate], *plans: tuple[Wanted, Plan]) -> Plan:
    return place(demand, fleet_of((n if isinstance(n, Node) else Node(n) for n in nodes), *plans))


def reasons(demand: Wanted, nodes: Iterable[Node | Candidate]) -> list[Rejection]:
    fleet = fleet_of(n if isinstance(n, Node) else Node(n) for n in nodes)
    return list(rejections(demand, fleet, place(demand, fleet)))


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    name = f"n{draw(st.integers(0, 30)):02}"
    broken = draw(st.sets(st.integers(0, 7), max_size=2))
    kinds = st.sampled_from([("NVIDIA L4", 24), ("NVIDIA H100", 80), ("NVIDIA H100 MIG 3g.40gb", 40)])
    sharing = draw(st.sampled_from([0, 0, 2, 5]))
    gpus = tuple(
        Gpu(
            f"{name}-{n}",
            kind,
            size * GIB,
            problem="fell off the bus" if n in broken else "",
            mig_profile=kind.partition(" MIG ")[2],
            most_sharing=sharing,
        )
        for n, (kind, size) in enumerate(draw(st.lists(kinds, max_size=8)))
    )
    base = candidate(name, draw(st.integers(0, 16_000)), draw(st.integers(0, 32)))
    shares = draw(st.lists(st.integers(0, 1000), min_size=len(gpus), max_size=len(gpus)))
    return Node(
        replace(
            base,
            nodepool=draw(st.sampled_from([*POOLS, "elsewhere/x"])),
            status=draw(st.sampled_from(list(NodeStatus))),
            cordoned=draw(st.booleans()),
            inventory=replace(
                base.inventory,
                gpus=gpus,
                architecture=draw(st.sampled_from(["x86_64", "x86_64", "aarch64"])),
                nvidia_driver_version=draw(st.sampled_from(["550.54.15", "550.54.15", "535.1"])),
                network_mbps=draw(st.sampled_from([0, 1000, 10_000])),
                images=draw(st.sampled_from([(), ("llama:1",)])),
            ),
            node_labels=draw(st.sampled_from([{"disk": "nvme"}, {"disk": "nvme"}, {"disk": "hdd"}, {}])),
        ),
        Taken(
            draw(st.integers(0, 20_000)),
            network_mbps=draw(st.sampled_from([0, 500])),
            devices=tuple((gpu.uuid, share) for gpu, share in zip(gpus, shares, strict=True) if share),
        ),
    )


fleets = st.lists(nodes(), max_size=8, unique_by=lambda each: each.node_id)
scalings = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)


@st.composite
def demanded(draw: st.DrawFn) -> Wanted:
    low, high = draw(scalings)
    share = draw(st.sampled_from([1000, 1000, 100, 330, 500]))
    demand = wanted(
        cpu_milli=draw(st.integers(0, 4000)),
        memory_bytes=draw(st.integers(0, 8)) * GIB,
        disk_bytes=draw(st.sampled_from([0, 0, 20])) * GIB,
        accelerators=1 if share < 1000 else draw(st.integers(0, 3)),
        accelerator_milli=share,
        accelerator_memory_bytes=draw(st.sampled_from([0, 0, 10, 40])) * GIB,
        accelerator_types=draw(st.sampled_from([(), (), ("l4",), ("NVIDIA-*",), ("mig-3g.*",)])),
        network_mbps=draw(st.sampled_from([0, 0, 200])),
    )
    disk = LabelTerm("disk", ("nvme",))
    choice = draw(st.sampled_from(list(Choice)))
    return replace(
        demand,
        scaling=Scaling(low, high, disable_packing=draw(st.booleans())),
        tiers=tiers(choice, [Pool(key) for key in POOLS]),
        returns=choice is Choice.FAIL,
        spreads=choice is Choice.PERFORMANCE,
        shuffles=choice is Choice.RANDOM,
        over_clusters=draw(st.booleans()),
        requires=draw(st.sampled_from([ANY_HOST, ANY_HOST, Requirements(("amd64",), ">=540")])),
        affinity=draw(
            st.sampled_from(
                [NO_AFFINITY, NO_AFFINITY, Affinity(prefer=(disk,)), Affinity((disk,)), Affinity((), (disk,))]
            )
        ),
        apart=draw(st.sampled_from([{}, {}, {"n00": "embed", "n01": "embed", "n02": "embed"}])),
        image=draw(st.sampled_from(["", "llama:1"])),
    )


demands = demanded()


def holding(demand: Wanted, planned: Plan) -> Wanted:
    ranked = sorted(planned.budgets, key=lambda budget: (budget.rank, budget.node_id))
    return replace(demand, held=tuple(Held(budget.node_id, budget.max_replicas) for budget in ranked))


def shares_of(planned: Plan) -> dict[str, tuple[int, int, tuple[DeviceShare, ...]]]:
    return {b.node_id: (b.min_replicas, b.max_replicas, b.devices) for b in planned.budgets}


@given(demands, fleets)
def test_sums_are_what_was_asked_for_or_said_to_be_missing(demand: Wanted, fleet: list[Node]) -> None:
    planned = plan(demand, fleet)
    maxima = sum(budget.max_replicas for budget in planned.budgets)
    minima = sum(budget.min_replicas for budget in planned.budgets)
    assert maxima + planned.missing_max == demand.scaling.max_replicas
    if demand.scaling.max_replicas:
        assert minima + planned.missing_min == demand.scaling.min_replicas
    assert minima <= maxima
    assert all(0 <= b.min_replicas <= b.max_replicas and b.max_replicas > 0 for b in planned.budgets)
    if demand.spreads:
        assert {budget.rank for budget in planned.budgets} <= {0}
    else:
        assert [budget.rank for budget in planned.budgets] == list(range(len(planned.budgets)))


@given(demands, fleets)
def test_nothing_is_oversold_and_no_fence_is_crossed(demand: Wanted, fleet: list[Node]) -> None:
    by_id = {each.node_id: each for each in fleet}
    for budget in plan(demand, fleet).budgets:
        node, needs = by_id[budget.node_id].candidate, demand.needs
        taken, inventory = by_id[budget.node_id].taken, node.inventory
        assert node.nodepool in demand.nodepools
        assert node.status is NodeStatus.READY
        assert not node.cordoned
        if needs.cpu_milli:
            assert taken.cpu_milli + needs.cpu_milli * budget.max_replicas <= inventory.cpu_milli
        assert needs.memory_bytes * budget.max_replicas <= inventory.memory_bytes
        assert needs.disk_bytes * budget.max_replicas <= inventory.disk_bytes
        if needs.network_mbps:
            assert taken.network_mbps + needs.network_mbps * budget.max_replicas <= inventory.network_mbps
        assert node.node_id not in demand.apart
        assert all(term.matches(node.node_labels) for term in demand.affinity.require)
        assert not any(term.matches(node.node_labels) for term in demand.affinity.exclude)
        if demand.requires.architectures:
            assert (inventory.architecture, inventory.nvidia_driver_version) == ("x86_64", "550.54.15")
        assert len(budget.devices) == needs.accelerators * budget.max_replicas
        used = Counter(dict(taken.devices))
        gpus = {gpu.uuid: gpu for gpu in inventory.gpus}
        for share in budget.devices:
            gpu = gpus[share.gpu_uuid]
            used[gpu.uuid] += share.compute_milli
            assert not gpu.problem
            assert gpu.memory_bytes >= share.memory_bytes >= needs.accelerator_memory_bytes
            assert share.compute_milli >= needs.accelerator_milli
            assert bool(gpu.mig_profile) == (needs.accelerator_types == ("mig-3g.*",))
        sharers = Counter(share.gpu_uuid for share in budget.devices)
        assert all(count <= (gpus[uuid].most_sharing or count) for uuid, count in sharers.items())
        assert all(used[share.gpu_uuid] <= 1000 for share in budget.devices)
        for index in range(budget.max_replicas):
            own = budget.devices[index * needs.accelerators : (index + 1) * needs.accelerators]
            assert len({share.gpu_uuid for share in own}) == needs.accelerators
        if demand.scaling.disable_packing:
            assert budget.max_replicas == 1


@given(demands, fleets, st.randoms())
def test_equal_input_gives_equal_output_in_any_order(demand: Wanted, fleet: list[Node], random: Random) -> None:
    shuffled = list(fleet)
    random.shuffle(shuffled)
    assert plan(demand, fleet) == plan(demand, shuffled)


@given(demands, fleets)
def test_a_second_round_changes_nothing(demand: Wanted, fleet: list[Node]) -> None:
    planned = plan(demand, fleet)
    assert shares_of(plan(holding(demand, planned), fleet, (demand, planned))) == shares_of(planned)


@given(demands, fleets)
def test_a_trial_answers_the_same_and_takes_nothing(demand: Wanted, fleet: list[Node]) -> None:
    tried = fleet_of(fleet)
    first = trial(demand, tried)
    assert trial(demand, tried) == first
    assert tried.taken(demand.deployment_id) == {}
    # What is learned of demand by asking in earnest may move it, but not change whether it fits.
    planned = place(demand, tried)
    assert (planned.missing_min, planned.missing_max) == (first.missing_min, first.missing_max)


@given(demands, fleets, st.data())
def test_removing_a_node_never_moves_the_others(demand: Wanted, fleet: list[Node], data: st.DataObject) -> None:
    planned = plan(demand, fleet)
    if not planned.budgets:
        return
    gone = data.draw(st.sampled_from([budget.node_id for budget in planned.budgets]))
    left = [each for each in fleet if each.node_id != gone]
    kept = {budget.node_id: budget for budget in plan(holding(demand, planned), left, (demand, planned)).budgets}
    for budget in planned.budgets:
        if budget.node_id != gone:
            assert kept[budget.node_id].max_replicas >= budget.max_replicas
            assert kept[budget.node_id].devices[: len(budget.devices)] == budget.devices
            # A single node may have carried a minimum of two that two nodes carry now.
            assert kept[budget.node_id].min_replicas >= min(budget.min_replicas, demand.scaling.min_replicas - 1)


@given(demands, fleets, nodes())
def test_a_node_that_joins_settles_in_one_round(demand: Wanted, fleet: list[Node], new: Node) -> None:
    planned = plan(demand, fleet)
    grown = [*(each for each in fleet if each.node_id != new.node_id), new]
    first = plan(holding(demand, planned), grown, (demand, planned))
    assert shares_of(plan(holding(demand, first), grown, (demand, first))) == shares_of(first)


@given(demands, fleets)
def test_whoever_finds_no_place_is_told_why(demand: Wanted, fleet: list[Node]) -> None:
    built = fleet_of(fleet)
    planned = place(demand, built)
    found = list(rejections(demand, built, planned))
    in_pools = [each for each in fleet if each.candidate.nodepool in demand.nodepools]
    if demand.scaling.max_replicas and planned.missing_max and not demand.scaling.disable_packing:
        assert len(found) + len(planned.budgets) == len(in_pools)
    assert all(rejection.need and rejection.have for rejection in found)


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


L4 = Gpu("n-0", "NVIDIA L4", 24 * GIB)
H100 = [Gpu(f"n-{n}", "NVIDIA H100 80GB HBM3", 80 * GIB) for n in range(2)]


def with_gpus(*gpus: Gpu) -> dict[str, Any]:
    return {"inventory": replace(candidate("n").inventory, gpus=gpus)}


@pytest.mark.parametrize(
    ("changes", "taken", "filter", "need", "have"),
    [
        ({"nodepool": POOLS[1], "status": NodeStatus.LOST}, Taken(), "status", "ready", "lost"),
        ({"status": NodeStatus.SUSPECT}, Taken(), "status", "ready", "suspect"),
        ({"status": NodeStatus.INITIALIZING}, Taken(), "status", "ready", "initializing"),
        ({"status": NodeStatus.DISCONNECTED}, Taken(), "status", "ready", "disconnected"),
        ({"draining": True}, Taken(), "drain", "a node that is not being emptied", "draining"),
        ({"cordoned": True}, Taken(), "cordon", "a node that takes new replicas", "cordoned"),
        ({"labels": {"tier": "2"}}, Taken(), "residency", "tier=1", "tier=2"),
        ({"inventory": Inventory("n", drivers=("docker",))}, Taken(), "driver", "process", "docker"),
        ({"inventory": Inventory("n")}, Taken(), "driver", "process", "none"),
        ({}, Taken(cpu_milli=7000), "cpu", "2", "1 free"),
        ({}, Taken(cpu_milli=9000), "cpu", "2", "0 free"),
        ({}, Taken(memory_bytes=12 * GIB), "memory", "8Gi", "4Gi free"),
        ({}, Taken(disk_bytes=90 * GIB), "disk", "20Gi", "10Gi free"),
        (with_gpus(), Taken(), "accelerator", "2 x h100 of 40Gi", "no GPU"),
        (with_gpus(L4, L4), Taken(), "accelerator", "2 x h100 of 40Gi", "0 of that type; its GPUs are NVIDIA L4"),
        (
            with_gpus(*(replace(gpu, memory_bytes=20 * GIB) for gpu in H100)),
            Taken(), "accelerator", "2 x h100 of 40Gi", "at most 20Gi on one",
        ),
        (
            with_gpus(H100[0], replace(H100[1], problem="XID 79")),
            Taken(), "accelerator", "2 x h100 of 40Gi", "1 healthy of 2: n-1: XID 79",
        ),
        (
            with_gpus(H100[0], replace(H100[1], quarantine="XID 48")),
            Taken(), "accelerator", "2 x h100 of 40Gi", "1 healthy of 2: n-1: in quarantine: XID 48",
        ),
        (with_gpus(*H100), Taken(devices=(("n-0", 1000),)), "accelerator", "2 x h100 of 40Gi",
         "1 free of 2, at most 100 % of one"),
        (with_gpus(*H100), Taken(devices=(("n-0", 1000), ("n-1", 300))), "accelerator", "2 x h100 of 40Gi",
         "0 free of 2, at most 70 % of one"),
    ],
)  # fmt: skip
def test_a_rejection_says_need_and_have(
    changes: dict[str, Any], taken: Taken, filter: str, need: str, have: str
) -> None:
    demand = replace(
        wanted(
            cpu_milli=2000,
            memory_bytes=8 * GIB,
            disk_bytes=20 * GIB,
            accelerators=2,
            accelerator_types=("h100",),
            accelerator_memory_bytes=40 * GIB,
        ),
        residency={"tier": "1"},
    )
    node = candidate("n", gpus=2, labels={"tier": "1"})
    assert reasons(demand, [node]) == []
    (rejection,) = reasons(demand, [Node(replace(node, **changes), taken)])
    assert (rejection.filter, rejection.need, rejection.have) == (filter, need, have)


@pytest.mark.parametrize(
    ("share", "memory", "taken", "need", "have"),
    [
        (250, 0, 751, "25 % of a GPU", "0 free of 1, at most 24.9 % of one"),
        (250, 40, 501, "25 % of a GPU and 40Gi of its memory", "0 free of 1, at most 49.9 % of one"),
        (250, 90, 0, "25 % of a GPU and 90Gi of its memory", "at most 80Gi on one"),
    ],
)
def test_a_share_is_the_larger_of_compute_and_memory(share: int, memory: int, taken: int, need: str, have: str) -> None:
    demand = wanted(accelerators=1, accelerator_milli=share, accelerator_memory_bytes=memory * GIB)
    node = candidate("n", gpus=1)
    (rejection,) = reasons(demand, [Node(node, Taken(devices=(("n-0", taken),)))])
    assert (rejection.filter, rejection.need, rejection.have) == ("accelerator", need, have)
    if taken:
        (budget,) = plan(demand, [Node(node, Taken(devices=(("n-0", taken - 1),)))]).budgets
        assert budget.devices == (DeviceShare("n-0", 80 * GIB * (1001 - taken) // 1000, 1001 - taken),)


def test_shares_of_one_deployment_lie_together_and_never_over_two_devices() -> None:
    (budget,) = plan(wanted(4, 4, accelerators=1, accelerator_milli=400), [candidate("n", gpus=2)]).budgets
    assert Counter(share.gpu_uuid for share in budget.devices) == {"n-0": 2, "n-1": 2}


def test_one_replica_per_node_without_packing() -> None:
    demand = replace(wanted(1, 5), scaling=Scaling(1, 5, disable_packing=True))
    planned = plan(demand, [candidate("n0"), candidate("n1")])
    assert [budget.max_replicas for budget in planned.budgets] == [1, 1]
    assert planned.missing_max == 3


@pytest.mark.parametrize("status", [NodeStatus.READY, NodeStatus.SUSPECT, NodeStatus.DISCONNECTED])
def test_a_node_keeps_what_it_holds_while_it_is_silent_or_cordoned(status: NodeStatus) -> None:
    node = candidate("n", status=status, cordoned=True)
    assert len(plan(replace(wanted(), held=(Held("n", 1, status),)), [node]).budgets) == 1
    assert plan(replace(wanted(), held=(Held("n", 1, NodeStatus.LOST),)), [node]).budgets == ()


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("NVIDIA-*", True), ("nvidia-h100*", True), ("H100", True), ("h10", False), ("A100", False), ("AMD-*", False)],
)
def test_accelerator_types_are_patterns_or_words(pattern: str, fits: bool) -> None:
    assert bool(plan(wanted(accelerators=1, accelerator_types=(pattern,)), [candidate("n", gpus=1)]).budgets) is fits


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
@pytest.mark.parametrize("held", [(), (Held("n1", 1),)])
def test_residency_holds_for_new_and_for_running_replicas(
    residency: dict[str, str], labels: dict[str, str], has: str | None, held: tuple[Held, ...]
) -> None:
    asked = replace(wanted(), residency=residency, held=held)
    nodes = [candidate("n1", labels=labels)]
    assert bool(plan(asked, nodes).budgets) == (has is None)
    assert [(r.filter, r.have) for r in reasons(asked, nodes)] == ([] if has is None else [("residency", has)])


A, B, C = Pool("one/a", 4.0, frozenset({ON_DEMAND})), Pool("two/b", None), Pool("one/c", 1.5, frozenset({SPOT}))


@pytest.mark.parametrize(
    ("choice", "home", "expected"),
    [
        (Choice.FAIL, "", "a|b|c"),
        (Choice.UTILIZATION, "", "a|b|c"),
        (Choice.PRICE, "", "c|a|b"),
        (Choice.PREFER_SPOT, "", "c|a|b"),
        (Choice.PREFER_ONDEMAND, "", "a|b|c"),
        (Choice.NETWORK, "", "a|c|b"),
        (Choice.NETWORK, "two", "b|a|c"),
        (Choice.PERFORMANCE, "", "abc"),
        (Choice.RANDOM, "", "abc"),
    ],
)
def test_the_choice_orders_the_nodepools(choice: Choice, home: str, expected: str) -> None:
    found = tiers(choice, [A, B, C], home)
    assert "|".join("".join(key[-1] for key in tier) for tier in found) == expected


def bounds(planned: Plan) -> dict[str, tuple[int, int]]:
    return {budget.node_id: (budget.min_replicas, budget.max_replicas) for budget in planned.budgets}


def test_a_minimum_may_be_spread_over_clusters() -> None:
    nodes = [in_pool("a0", "office/a"), in_pool("a1", "office/a"), in_pool("c0", "cloud/c")]
    demand = replace(wanted(2, 4, cpu_milli=1000), tiers=(("office/a",), ("cloud/c",)))
    assert bounds(plan(demand, nodes)) == {"a0": (1, 3), "a1": (1, 1)}
    apart = replace(demand, over_clusters=True)
    planned = plan(apart, nodes)
    assert bounds(planned) == {"a0": (1, 3), "c0": (1, 1)}
    assert planned.settled
    assert bounds(plan(replace(apart, tiers=(("office/a", "cloud/c"),)), nodes)) == {"a0": (1, 3), "c0": (1, 1)}


def test_a_minimum_of_three_leaves_one_for_the_second_cluster() -> None:
    nodes = [in_pool("a0", "office/a", 1000), in_pool("a1", "office/a", 1000), in_pool("c0", "cloud/c")]
    demand = replace(wanted(2, 3, cpu_milli=1000), tiers=(("office/a",), ("cloud/c",)), over_clusters=True)
    assert bounds(plan(demand, nodes)) == {"a0": (1, 1), "a1": (0, 1), "c0": (1, 1)}
    full = plan(demand, nodes[:2])
    assert bounds(full) == {"a0": (1, 1), "a1": (1, 1)}, "where there is no second cluster, two nodes must do"
    assert not full.settled


def in_pool(name: str, pool: str, cpu: int = 4000) -> Candidate:
    return candidate(name, cpu, nodepool=pool)


def maxima(planned: Plan) -> dict[str, tuple[int, int]]:
    """Of each node: rank and maximum."""
    return {budget.node_id: (budget.rank, budget.max_replicas) for budget in planned.budgets}


def test_what_is_full_overflows_to_the_next_tier_and_only_a_returning_deployment_comes_back() -> None:
    small, large = in_pool("first", POOLS[0], cpu=2000), in_pool("second", POOLS[1], cpu=8000)
    demand = wanted(0, 4, cpu_milli=1000)
    overflowing = plan(demand, [small, large])
    assert maxima(overflowing) == {"first": (0, 2), "second": (1, 2)}
    grown = [in_pool("first", POOLS[0], cpu=8000), large]
    assert maxima(plan(holding(demand, overflowing), grown)) == {"first": (0, 2), "second": (1, 2)}
    returning = replace(holding(demand, overflowing), returns=True)
    assert maxima(plan(returning, grown)) == {"first": (0, 4)}


def test_a_plan_is_settled_when_nothing_could_improve_it() -> None:
    a, b = in_pool("first", POOLS[0], cpu=2000), in_pool("second", POOLS[1])
    assert plan(wanted(1, 2, cpu_milli=1000), [a]).settled
    assert not plan(wanted(1, 3, cpu_milli=1000), [a]).settled
    assert not plan(wanted(2, 2, cpu_milli=1000), [a]).settled, "both replicas are on one node"
    assert plan(wanted(2, 2, cpu_milli=1000), [a, b]).settled
    assert not plan(replace(wanted(1, 4, cpu_milli=1000), returns=True), [a, b]).settled, "some are away from home"


def test_performance_spreads_over_all_nodes_at_once() -> None:
    fleet = [in_pool("n0", POOLS[0]), in_pool("n1", POOLS[1]), in_pool("n2", POOLS[0])]
    demand = replace(wanted(3, 7, cpu_milli=1000), tiers=(POOLS,), spreads=True)
    planned = plan(demand, fleet)
    assert maxima(planned) == {"n0": (0, 3), "n2": (0, 2), "n1": (0, 2)}
    assert {budget.min_replicas for budget in planned.budgets} == {1}


def test_shuffled_deployments_take_nodes_in_orders_of_their_own() -> None:
    fleet = [in_pool(f"n{number}", POOLS[0]) for number in range(8)]
    firsts = {
        plan(replace(wanted(), deployment_id=f"d{number}", shuffles=True), fleet).budgets[0].node_id
        for number in range(32)
    }
    assert len(firsts) > 4


def test_replicas_that_need_a_gpu_leave_the_rest_of_the_fleet_to_others() -> None:
    """The scheduler packs: a share goes beside a share, whatever the nodes are called."""
    fleet = fleet_of(Node(candidate(f"n{number}", gpus=2)) for number in range(4))
    for number in range(8):
        place(replace(wanted(accelerators=1, accelerator_milli=250), deployment_id=f"d{number}"), fleet)
    assert {node_id for number in range(8) for node_id in fleet.taken(f"d{number}")} == {"n0"}


def test_a_node_that_waits_to_be_let_in_gets_nothing_and_the_reason_says_what_to_do() -> None:
    waiting = candidate("rack7", approved=False)
    assert plan(wanted(), [waiting]).budgets == ()
    assert "homeport node approve rack7" in str(reasons(wanted(), [waiting])[0])
    assert plan(wanted(), [waiting, candidate("rack8")]).budgets[0].node_id == "rack8"
