"""Which moves a rebalance proposes: small fleets told one by one, and what holds on any."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from homeport.core.placement.affinity import Affinity, LabelTerm
from homeport.core.placement.filter import shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place, taken_by
from homeport.core.placement.types import Candidate, Held, Wanted
from homeport.core.policy import Scaling
from homeport.core.rebalance.figures import figures_of
from homeport.core.rebalance.propose import propose
from homeport.core.rebalance.types import Aim, Clearing, Movable
from homeport.core.resources import ComputeNeeds, DeviceShare, Gpu, Inventory
from homeport.core.status import NodeStatus

GIB = 1 << 30
POOL = "office/a"


def candidate(name: str, gpus: int = 0, cpu: int = 16_000, pool: str = POOL) -> Candidate:
    devices = tuple(Gpu(f"{name}-{number}", "L4", 24 * GIB) for number in range(gpus))
    inventory = Inventory(name, cpu_milli=cpu, memory_bytes=64 * GIB, gpus=devices, drivers=("process",))
    return Candidate(name, name, pool, NodeStatus.READY, inventory)


def asks(id: str, milli: int = 0, gpus: int = 0, cpu: int = 1000, most: int = 1) -> Wanted:
    """`milli` of one GPU, or so many `gpus`."""
    needs = ComputeNeeds(cpu_milli=cpu, accelerators=gpus or int(milli > 0), accelerator_milli=milli or 1000)
    return Wanted(id, "process", needs, Scaling(0, most), ((POOL,),))


class Site:
    """`runs`: what runs where, on which GPUs."""

    def __init__(self, *nodes: Candidate) -> None:
        self.fleet = Fleet()
        self.movable: list[Movable] = []
        for node in nodes:
            self.fleet.put(node)

    def runs(self, wanted: Wanted, node_id: str, *gpus: int, replicas: int = 1) -> "Site":
        shares = tuple(DeviceShare(f"{node_id}-{gpu}", 0, wanted.needs.accelerator_milli) for gpu in gpus)
        taken = {**self.fleet.taken(wanted.deployment_id), node_id: taken_by(wanted.needs, replicas, replicas, shares)}
        self.fleet.take(wanted.deployment_id, taken)
        self.fleet.ask(wanted.deployment_id, shape_of(wanted.needs), replicas)
        self.movable.append(Movable(replace(wanted, held=(Held(node_id, replicas),)), node_id, replicas, replicas))
        return self

    def proposed(self, *waiting: Wanted, most: int = 100, pools: tuple[str, ...] = (POOL,)) -> list[Clearing]:
        return [each for each in propose(self.fleet, pools, self.movable, waiting, most) if each is not None]


def moves(clearings: list[Clearing]) -> list[tuple[str, str, str]]:
    return [(move.deployment_id, move.from_node, move.to_node) for each in clearings for move in each.moves]


def test_a_share_joins_another_and_a_gpu_is_whole_again() -> None:
    site = Site(candidate("n0", 2), candidate("n1", 2))
    site.runs(asks("a", 300), "n0", 0).runs(asks("b", 500), "n1", 0)
    for node_id in ("n0", "n1"):
        site.runs(asks(f"whole-{node_id}", gpus=1), node_id, 1)
    before = figures_of(site.fleet, [POOL])
    [found] = site.proposed()
    assert (found.aim, found.gpus, found.nodes) == (Aim.GPU, 1, 0)
    assert moves([found]) == [("a", "n0", "n1")]
    assert site.fleet.taken("a")["n1"].devices == (("n1-0", 300),)
    after = figures_of(site.fleet, [POOL])
    assert (before.free_gpus, after.free_gpus) == (0, 1)
    assert before.unallocated_percent == after.unallocated_percent == 30.0
    assert after.fragmentation_percent < before.fragmentation_percent


def test_a_node_is_emptied_onto_one_that_is_in_use() -> None:
    site = Site(candidate("n0", 4), candidate("n1", 4))
    site.runs(asks("a", gpus=1), "n0", 0)
    for gpu in (0, 1):
        site.runs(asks(f"b{gpu}", gpus=1), "n1", gpu)
    [found] = site.proposed()
    assert (found.aim, found.node_id, found.gpus, found.nodes) == (Aim.NODE, "n0", 0, 1)
    assert moves([found]) == [("a", "n0", "n1")]


def test_nothing_is_moved_that_frees_nothing() -> None:
    alone = Site(candidate("n0", 1), candidate("n1", 1)).runs(asks("a", 300), "n0", 0)
    assert alone.proposed() == []
    full = Site(candidate("n0", 1), candidate("n1", 1)).runs(asks("a", 600), "n0", 0).runs(asks("b", 600), "n1", 0)
    assert full.proposed() == []


def test_room_is_made_for_what_waits_before_anything_else() -> None:
    site = Site(candidate("n0", 1), candidate("n1", 1), candidate("n2", 1), candidate("n3", 1))
    site.runs(asks("a", 400), "n0", 0).runs(asks("b", 400), "n1", 0)
    site.runs(asks("c", 300), "n2", 0).runs(asks("d", 300), "n3", 0)
    found = site.proposed(asks("big", gpus=1), most=1)
    assert [(each.aim, each.deployment_id, each.replicas) for each in found] == [(Aim.ROOM, "big", 1)]
    assert site.fleet.taken("big").keys() == {found[0].node_id}


def test_cpu_is_freed_by_what_needs_no_gpu() -> None:
    site = Site(candidate("n0", 1, cpu=8000), candidate("n1", cpu=8000))
    site.runs(asks("web", cpu=6000), "n0")
    [found] = site.proposed(asks("chat", gpus=1, cpu=4000))
    assert moves([found]) == [("web", "n0", "n1")]
    assert site.fleet.taken("chat").keys() == {"n0"}


def test_every_waiting_replica_counts() -> None:
    site = Site(*(candidate(f"n{number}", 1) for number in range(4)))
    for number in range(4):
        site.runs(asks(f"s{number}", 250), f"n{number}", 0)
    found = site.proposed(asks("big", gpus=1, most=3))
    assert [each.aim for each in found] == [Aim.ROOM, Aim.ROOM, Aim.ROOM]
    assert len(site.fleet.taken("big")) == 3


def test_no_more_replicas_move_than_may() -> None:
    site = Site(candidate("n0", 1), candidate("n1", 1))
    site.runs(asks("a", 200, most=2), "n0", 0, 0, replicas=2).runs(asks("b", 200, most=2), "n1", 0, 0, replicas=2)
    assert site.proposed(most=1) == []
    assert [each.replicas for each in site.proposed(most=2)] == [2]


def test_a_deployment_stays_on_as_many_nodes_as_it_was() -> None:
    """Its replicas are on two nodes for a reason."""
    site = Site(candidate("n0", 1), candidate("n1", 1))
    twice = asks("a", 300, most=2)
    site.runs(twice, "n0", 0).runs(twice, "n1", 0)
    assert site.proposed() == []


def test_only_the_asked_nodepools_and_only_nodes_that_take_new_replicas() -> None:
    other = candidate("n2", 1, pool="office/b")
    site = Site(candidate("n0", 1), candidate("n1", 1), other)
    site.runs(asks("a", 300), "n0", 0).runs(asks("b", 300), "n1", 0)
    assert site.proposed(pools=("office/b",)) == []
    site.fleet.put(replace(candidate("n0", 1), cordoned=True))
    assert site.proposed() == [], "n0 is neither left nor moved to, and n1 has nowhere to go"


def test_nobody_loses_a_label_that_it_prefers() -> None:
    fast = {"disk": "nvme"}
    site = Site(replace(candidate("n0", 1), node_labels=fast), candidate("n1", 1))
    picky = replace(asks("picky", 300), affinity=Affinity(prefer=(LabelTerm("disk", ("nvme",)),)))
    site.runs(picky, "n0", 0).runs(asks("b", 300), "n1", 0)
    assert moves(site.proposed()) == [("b", "n1", "n0")]


@st.composite
def sites(draw: st.DrawFn) -> tuple[Site, list[Wanted]]:
    """What is placed, after much of it has gone, and what waits."""
    site = Site(*(candidate(f"n{n}", draw(st.integers(0, 4))) for n in range(draw(st.integers(1, 6)))))
    sizes = st.one_of(st.integers(1, 999), st.just(0))
    waiting = []
    for number in range(draw(st.integers(0, 24))):
        wanted = asks(f"d{number}", draw(sizes), draw(st.integers(0, 2)), draw(st.sampled_from([0, 1000, 5000])),
                      draw(st.integers(1, 3)))  # fmt: skip
        if wanted.needs.accelerators > 1:
            wanted = replace(wanted, needs=replace(wanted.needs, accelerator_milli=1000))
        plan = place(wanted, site.fleet)
        held = tuple(Held(budget.node_id, budget.max_replicas) for budget in plan.budgets)
        wanted = replace(wanted, held=held)
        if draw(st.booleans()):
            site.fleet.release(wanted.deployment_id)
        else:
            site.movable += [
                Movable(wanted, budget.node_id, budget.min_replicas, budget.max_replicas) for budget in plan.budgets
            ]
            if plan.missing_max:
                waiting.append(wanted)
    return site, waiting


@given(sites(), st.integers(0, 20))
def test_what_holds_of_any_proposal(made: tuple[Site, list[Wanted]], most: int) -> None:
    site, waiting = made
    fleet = site.fleet
    before = {each.key: each.replicas for each in site.movable}
    was = figures_of(fleet, [POOL])
    found = site.proposed(*waiting, most=most)
    now = figures_of(fleet, [POOL])
    told = [move for each in found for move in each.moves]
    assert sum(each.replicas for each in found) <= most
    assert len({(move.deployment_id, move.from_node) for move in told}) == len(told), "each moves once"
    assert not {move.from_node for move in told} & {move.to_node for move in told}
    for move in told:
        assert before[move.deployment_id, move.from_node] == move.replicas
        assert (move.deployment_id, move.to_node) not in before, "it had nothing there"
    for node in fleet.in_pools([POOL]):
        free = fleet.free(node.node_id)
        taken = [share for each in fleet.ledger.on(node.node_id).values() for share in each.devices]
        assert free.cpu_milli >= 0
        for gpu in node.inventory.gpus:
            assert sum(milli for uuid, milli in taken if uuid == gpu.uuid) <= 1000, "no device is oversold"
    assert now.free_gpus - was.free_gpus == sum(each.gpus for each in found)
    assert now.free_nodes - was.free_nodes == sum(each.nodes for each in found)
    for each in found:
        if each.aim is not Aim.ROOM:
            assert each.gpus >= 0 and each.nodes >= 0 and each.gpus + each.nodes > 0
    if not any(each.aim is Aim.ROOM for each in found):
        assert now.free_milli <= was.free_milli


@given(sites())
def test_what_was_proposed_is_enough(made: tuple[Site, list[Wanted]]) -> None:
    """Rebalanced twice, the second time has less to do than the first, and ends."""
    site, waiting = made
    for _ in range(40):
        found = site.proposed(*waiting)
        there = {(move.deployment_id, move.from_node): move.to_node for each in found for move in each.moves}
        site.movable = [
            Movable(each.wanted, there.get(each.key, each.node_id), each.least, each.replicas) for each in site.movable
        ]
        if not found:
            return
    raise AssertionError("it goes on for ever")
