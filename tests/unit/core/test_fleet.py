"""Many deployments on one fleet, which come, grow, shrink and go, on nodes that come and go."""

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place, taken_by
from homeport.core.placement.types import Candidate, Held, Plan, Taken, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Gpu, Inventory
from homeport.core.status import NodeStatus

GIB = 2**30
POOL = "office/a"


def node(name: str, gpus: int, overcommit: float = 1.0) -> Candidate:
    """Its first GPU may be shared by three; its last is cut in two."""
    devices = [
        Gpu(f"{name}-{number}", "NVIDIA L4", 24 * GIB, most_sharing=0 if number else 3) for number in range(gpus)
    ]
    if gpus > 2:
        profile = "3g.40gb"
        devices[-1:] = [
            Gpu(f"{name}-slice{number}", f"NVIDIA H100 MIG {profile}", 40 * GIB, mig_profile=profile, most_sharing=2)
            for number in range(2)
        ]
    inventory = Inventory(name, cpu_milli=8000, memory_bytes=32 * GIB, gpus=tuple(devices), drivers=("process",))
    return Candidate(name, name, POOL, NodeStatus.READY, inventory, overcommit=overcommit)


needs = st.one_of(
    st.builds(ComputeNeeds, st.integers(0, 4000), st.integers(0, 8).map(lambda gib: gib * GIB)),
    st.builds(lambda milli: ComputeNeeds(accelerators=1, accelerator_milli=milli), st.integers(1, 1000)),
    st.builds(lambda count: ComputeNeeds(accelerators=count), st.integers(1, 3)),
    st.builds(
        lambda milli: ComputeNeeds(accelerators=1, accelerator_types=("mig-3g.*",), accelerator_milli=milli),
        st.integers(1, 1000),
    ),
)
bounds = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda two: Scaling(min(two), max(two)))
# What happens: ("put", node, GPUs, overcommit) | ("remove", node) | ("deploy", deployment, needs, min and max) |
# ("delete", deployment)
events = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abcd"), st.integers(0, 4), st.sampled_from([1.0, 1.5, 4.0])),
        st.tuples(st.just("remove"), st.sampled_from("abcd")),
        st.tuples(st.just("deploy"), st.sampled_from("vwxyz"), needs, bounds),
        st.tuples(st.just("delete"), st.sampled_from("vwxyz")),
    ),
    max_size=30,
)


class Story:
    """What is known is kept apart from the fleet, and asked for anew at each step."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.nodes: dict[str, Candidate] = {}
        self.needs: dict[str, ComputeNeeds] = {}
        self.plans: dict[str, Plan] = {}

    def tell(self, kind: str, name: str, *more: object) -> None:
        if kind == "put":
            gpus, overcommit = more
            self.nodes[name] = node(name, gpus, overcommit)  # type: ignore[arg-type]
            self.fleet.put(self.nodes[name])
        elif kind == "remove" and name in self.nodes:
            del self.nodes[name]
            self.fleet.remove(name)
        elif kind == "deploy":
            demand, scaling = more
            self.needs[name] = demand  # type: ignore[assignment]
            held = tuple(Held(b.node_id, b.max_replicas) for b in self.plans.get(name, Plan(())).budgets)
            self.plans[name] = place(
                Wanted(name, "process", demand, scaling, ((POOL,),), held),  # type: ignore[arg-type]
                self.fleet,
            )
        elif kind == "delete":
            self.plans.pop(name, None)
            self.fleet.release(name)

    def taken(self) -> dict[str, dict[str, Taken]]:
        found: defaultdict[str, dict[str, Taken]] = defaultdict(dict)
        for name, planned in self.plans.items():
            for budget in planned.budgets:
                found[budget.node_id][name] = taken_by(
                    self.needs[name], budget.min_replicas, budget.max_replicas, budget.devices
                )
        return found


def assert_fits(taken: list[Taken], on: Candidate, times: float) -> None:
    used, sharers = Counter[str](), Counter[str]()
    for each in taken:
        for uuid, milli in each.devices:
            used[uuid] += milli
            sharers[uuid] += 1
    limits = {gpu.uuid: gpu.most_sharing for gpu in on.inventory.gpus if gpu.most_sharing}
    assert all(sharers[uuid] <= most * times for uuid, most in limits.items())
    assert all(milli <= 1000 * times for milli in used.values())
    assert sum(each.cpu_milli for each in taken) <= on.inventory.cpu_milli * times
    assert sum(each.memory_bytes for each in taken) <= on.inventory.memory_bytes * times


@settings(max_examples=200)
@given(events)
def test_no_device_and_no_node_is_oversold_by_those_that_were_placed_on_it_as_it_is(
    told: list[tuple[str, str]],
) -> None:
    """By minima never, by maxima up to the overcommitment."""
    story = Story()
    shrunk: set[str] = set()
    for event in told:
        if event[0] in ("put", "remove"):
            shrunk.add(event[1])  # it may have less now than was given away
        story.tell(*event)
        for node_id, by_deployment in story.taken().items():
            if node_id in shrunk:
                continue
            at_most = list(by_deployment.values())
            at_least = [taken.least or taken for taken in at_most]
            assert_fits(at_least, story.nodes[node_id], times=1.0)
            assert_fits(at_most, story.nodes[node_id], story.nodes[node_id].overcommit)
            assert all(set(least.devices) <= set(most.devices) for least, most in zip(at_least, at_most, strict=True))
        if event[0] == "deploy":
            # Placed now, so on what the nodes have now.
            shrunk -= {node_id for node_id, held in story.taken().items() if set(held) == {event[1]}}


@settings(max_examples=200)
@given(events)
def test_a_fleet_knows_no_more_and_no_less_than_what_it_was_told(told: list[tuple[str, str]]) -> None:
    """However it came to be: made anew from what there is now, it has the same left."""
    story = Story()
    for event in told:
        story.tell(*event)
    anew = Fleet()
    for each in story.nodes.values():
        anew.put(each)
    by_deployment: defaultdict[str, dict[str, Taken]] = defaultdict(dict)
    for node_id, held in story.taken().items():
        for name, taken in held.items():
            by_deployment[name][node_id] = taken
    for name, taken_by_node in by_deployment.items():
        anew.take(name, taken_by_node)
    assert {id: story.fleet.free(id) for id in story.nodes} == {id: anew.free(id) for id in story.nodes}
    assert [story.fleet.left(id).shared() for id in story.nodes] == [anew.left(id).shared() for id in story.nodes]
    probe = Wanted("probe", "process", ComputeNeeds(cpu_milli=1), Scaling(0, 1), ((POOL,),))
    assert place(probe, story.fleet).missing_max == place(probe, anew).missing_max


@given(events, st.sampled_from("abcd"))
def test_a_node_that_goes_moves_nobody_else(told: list[tuple[str, str]], gone: str) -> None:
    story = Story()
    for event in told:
        story.tell(*event)
    before = {
        name: {b.node_id: b for b in planned.budgets if b.node_id in story.nodes}
        for name, planned in story.plans.items()
    }
    story.tell("remove", gone)
    for name, budgets in before.items():
        if gone not in budgets:
            continue
        most = story.plans[name].missing_max + sum(b.max_replicas for b in story.plans[name].budgets)
        story.tell("deploy", name, story.needs[name], Scaling(0, most))
        after = {budget.node_id: budget for budget in story.plans[name].budgets}
        for node_id, budget in budgets.items():
            if node_id != gone and all(uuid in _uuids(story.nodes[node_id]) for uuid in _named(budget.devices)):
                assert after[node_id].max_replicas >= budget.max_replicas


def _uuids(each: Candidate) -> set[str]:
    return {gpu.uuid for gpu in each.inventory.gpus}


def _named(devices: object) -> list[str]:
    return [share.gpu_uuid for share in devices]  # type: ignore[attr-defined]
