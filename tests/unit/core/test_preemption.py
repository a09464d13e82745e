"""Who has to leave a node to one of higher priority."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place, taken_by
from homeport.core.placement.preemption import Victim, choose_victims
from homeport.core.placement.types import Candidate, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, DeviceShare, Gpu, Inventory
from homeport.core.status import NodeStatus

POOL = "office/a"


class Site:
    """`runs`: what runs where, on so much of the node's GPU."""

    def __init__(self, nodes: int, cordoned: bool = False, draining: bool = False) -> None:
        self.fleet = Fleet()
        self.victims: dict[str, list[Victim]] = {}
        self.placeable: set[str] = set()
        for number in range(nodes):
            name = f"n{number}"
            has = Inventory(name, cpu_milli=8000, gpus=(Gpu(f"{name}-gpu", "L4", 1 << 34),), drivers=("process",))
            self.fleet.put(Candidate(name, name, POOL, NodeStatus.READY, has, cordoned, draining))

    def runs(self, id: str, node_id: str, priority: int = 0, milli: int = 1000, least: int = 1) -> "Site":
        needs = ComputeNeeds(cpu_milli=1000, accelerators=1, accelerator_milli=milli)
        share = DeviceShare(f"{node_id}-gpu", 0, milli)
        self.fleet.take(id, {node_id: taken_by(needs, least, 1, (share,))})
        self.victims.setdefault(node_id, []).append(Victim(id, node_id, priority, least, 1))
        return self

    def chosen(self, wanted: Wanted, priority: int = 10) -> list[str]:
        found = choose_victims(
            wanted, priority, self.fleet, self.victims, lambda victim: victim.deployment_id in self.placeable
        )
        return sorted(victim.deployment_id for victim in found)


def urgent(milli: int = 1000, **more: object) -> Wanted:
    needs = ComputeNeeds(cpu_milli=1000, accelerators=1, accelerator_milli=milli)
    return Wanted("urgent", "process", needs, Scaling(1, 1), ((POOL,),), **more)  # type: ignore[arg-type]


def test_the_lowest_goes_and_never_an_equal() -> None:
    site = Site(3).runs("equal", "n0", 10).runs("low", "n1", 5).runs("lowest", "n2", -5)
    assert site.chosen(urgent()) == ["lowest"]
    assert site.chosen(urgent(), priority=6) == ["lowest"]
    assert site.chosen(urgent(), priority=-5) == [], "nobody is lower"


def test_of_equals_goes_who_finds_another_place() -> None:
    site = Site(2).runs("stuck", "n0").runs("free", "n1")
    site.placeable.add("free")
    assert site.chosen(urgent()) == ["free"]


def test_no_more_go_than_have_to() -> None:
    site = Site(2).runs("a", "n0", milli=400).runs("b", "n0", milli=600).runs("c", "n1", milli=700)
    assert site.chosen(urgent(500)) == ["b"]
    assert site.chosen(urgent(1000)) == ["c"], "one instead of two"


def test_all_that_is_in_the_way_goes_together() -> None:
    site = Site(1).runs("a", "n0", milli=400).runs("b", "n0", milli=600)
    assert site.chosen(urgent()) == ["a", "b"]
    assert Site(1).runs("a", "n0", 0, 400).runs("b", "n0", 20, 600).chosen(urgent()) == [], "half would not help"


def test_nobody_leaves_a_node_that_would_not_take_it() -> None:
    assert Site(1, cordoned=True).runs("a", "n0").chosen(urgent()) == []
    assert Site(1, draining=True).runs("a", "n0").chosen(urgent()) == []
    assert Site(1).runs("a", "n0").chosen(urgent(residency={"country": "de"})) == []


def test_whoever_has_to_leave_goes_elsewhere_and_says_why() -> None:
    fleet = Site(2).fleet
    wanted = urgent(evicted={"n0": "boss"})
    assert [budget.node_id for budget in place(wanted, fleet).budgets] == ["n1"]
    assert str(bar(fleet.node("n0"), wanted, None)) == (
        "n0: preempted: needs a node that boss does not need, has boss has a higher priority"
    )


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 9), st.integers(50, 1000), st.integers(0, 1)), max_size=12),
    st.integers(-9, 9),
    st.integers(1, 1000),
)
def test_who_is_chosen_is_lower_and_makes_enough_room(
    runs: list[tuple[int, int, int, int]], priority: int, milli: int
) -> None:
    site = Site(3)
    for number, (node, own, size, least) in enumerate(runs):
        if site.fleet.free(f"n{node}").devices[0] >= size:
            site.runs(f"d{number}", f"n{node}", own, size, least)
    wanted = urgent(milli)
    found = choose_victims(wanted, priority, site.fleet, site.victims, lambda victim: False)
    assert all(victim.priority < priority for victim in found)
    assert len({victim.node_id for victim in found}) <= 1
    for victim in found:
        site.fleet.release(victim.deployment_id)
    if found:
        assert place(wanted, site.fleet).missing_min == 0
