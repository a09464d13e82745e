import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.balance.balancer import Balancer
from homeport.core.balance.balancing import Balancing, Sticky
from homeport.core.balance.pick_node import in_order, pick_node, seen_from


@dataclass(frozen=True)
class Node:
    node_id: str
    rank: int = 0
    min_replicas: int = 0
    max_replicas: int = 2
    ready_replicas: int = 1
    capacity: int = 4
    in_flight: int = 0
    latency_seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.node_id


EMPTY = {"ready_replicas": 0, "capacity": 0}
FULL = {"ready_replicas": 2, "in_flight": 4}

CASES = {
    "nobody": ([], None),
    "only one": ([Node("a")], ("a", False)),
    "home first": ([Node("a"), Node("b", rank=1)], ("a", False)),
    "later ranks stay idle while home has room": ([Node("a", in_flight=3), Node("b", rank=1)], ("a", False)),
    "overflow": ([Node("a", in_flight=4), Node("b", rank=1)], ("b", False)),
    "a node that must run belongs": ([Node("a", in_flight=1), Node("b", rank=1, min_replicas=1)], ("b", False)),
    "nothing ready: the lowest rank starts one": ([Node("a", **EMPTY), Node("b", rank=1, **EMPTY)], ("a", True)),
    "home cannot grow: the next rank does": (
        [Node("a", max_replicas=1, in_flight=4), Node("b", rank=1, **EMPTY)],
        ("b", True),
    ),
    "all full: the shortest line": (
        [Node("a", **(FULL | {"in_flight": 9})), Node("b", rank=1, **(FULL | {"in_flight": 7}))],
        ("b", True),
    ),
    "a rank belongs as a whole": ([Node("a", in_flight=1), Node("b"), Node("c", rank=1)], ("b", False)),
    "drained placements take nothing": ([Node("a", max_replicas=0), Node("b", rank=1)], ("b", False)),
    "nothing may run": ([Node("a", max_replicas=0)], None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_choice(case: str) -> None:
    nodes, expected = CASES[case]
    choice = pick_node(in_order(nodes))
    assert (choice and (choice.node.node_id, choice.hold)) == expected


def seen_by(home: str, *listed: Node) -> list[Node]:
    """By a gateway that stands at `home`."""
    found = []
    for node in listed:
        rank, least, most = seen_from(int(node.node_id != home), node.rank, node.min_replicas, node.max_replicas)
        found.append(replace(node, rank=rank, min_replicas=least, max_replicas=most))
    return in_order(found)


@pytest.mark.parametrize(
    ("in_flight_at_home", "expected"),
    [(0, ("b", False)), (3, ("b", False)), (4, ("a", False)), (9, ("a", False))],
)
def test_home_goes_first_whatever_its_rank_and_overflows_to_others(
    in_flight_at_home: int, expected: tuple[str, bool]
) -> None:
    """b is the gateway's home, though the deployment's is a, which must run something in any case."""
    nodes = seen_by("b", Node("a", rank=0, min_replicas=2), Node("b", rank=3, in_flight=in_flight_at_home))
    choice = pick_node(nodes)
    assert choice is not None
    assert (choice.node.node_id, choice.hold) == expected


def test_a_home_that_may_start_one_is_asked_before_a_distant_one_that_may() -> None:
    nodes = seen_by("b", Node("a", rank=0, **EMPTY), Node("b", rank=3, **EMPTY))
    choice = pick_node(nodes)
    assert choice is not None
    assert (choice.node.node_id, choice.hold) == ("b", True)


def test_an_algorithm_chooses_among_the_nodes_of_the_prefix_only() -> None:
    """Two sites: nothing crosses over while the first one has room, and then both belong."""
    seen: list[list[str]] = []

    def last(nodes: Sequence[Node]) -> Node | None:
        seen.append([node.node_id for node in nodes])
        return next((node for node in reversed(nodes) if node.in_flight < node.capacity), None)

    home = [Node("a", in_flight=2), Node("b", in_flight=3)]
    abroad = [Node("c", rank=1), Node("d", rank=1, **EMPTY)]
    choice = pick_node(in_order(home + abroad), choose=last)
    assert choice is not None and (choice.node.node_id, choice.hold) == ("b", False)
    full = [replace(node, in_flight=4) for node in home]
    choice = pick_node(in_order(full + abroad), choose=last)
    assert choice is not None and (choice.node.node_id, choice.hold) == ("c", False)
    choice = pick_node(in_order([*full, replace(abroad[0], in_flight=4)]), choose=last)
    assert choice is not None and choice.hold, "all full: wait where one more may start"
    assert seen == [["a", "b"], ["a", "b", "c"], ["a", "b", "c"]]


nodes = st.builds(
    Node,
    node_id=st.sampled_from("abcdef"),
    rank=st.integers(0, 3),
    min_replicas=st.integers(0, 2),
    max_replicas=st.integers(0, 3),
    ready_replicas=st.integers(0, 3),
    capacity=st.integers(0, 12),
    in_flight=st.integers(0, 20),
)


@given(st.lists(nodes, unique_by=lambda n: n.node_id), st.sets(st.sampled_from("abcdef")))
def test_a_choice_exists_exactly_when_a_node_may_run_something(listed: list[Node], exclude: set[str]) -> None:
    choice = pick_node(in_order(listed), exclude)
    able = [n for n in listed if n.max_replicas > 0 and n.node_id not in exclude]
    assert (choice is None) == (not able)
    if choice is not None:
        assert choice.node in able
        assert choice.hold == (choice.node.in_flight >= choice.node.capacity) or choice.hold
        if not choice.hold:
            assert choice.node.in_flight < choice.node.capacity


@given(st.lists(nodes, unique_by=lambda n: n.node_id), st.sampled_from(["", "a", "b", "client 7"]))
def test_every_algorithm_keeps_to_the_prefix(listed: list[Node], session: str) -> None:
    """Where the default finds room there is room for all of them, and nobody is sent beyond what the load needs."""
    ordered = in_order(listed)
    plain = pick_node(ordered)
    for algorithm in ("least_connections", "round_robin", "ip_hash", "power_of_two"):
        balancer = Balancer(Balancing(algorithm, Sticky()), random.Random(1).random)
        choice = pick_node(ordered, choose=partial(balancer.choose, affinity=session))
        assert (choice is None) == (plain is None)
        if choice is not None and plain is not None:
            assert choice.hold == plain.hold
            assert choice.hold or choice.node.in_flight < choice.node.capacity
            assert not choice.hold or choice.node == plain.node
