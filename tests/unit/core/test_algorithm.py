import random
from collections import Counter
from dataclasses import dataclass, replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.balance.algorithm import BOUND, by_hash, least_connections, power_of_two, preferred, round_robin
from homeport.core.balance.balancer import Balancer
from homeport.core.balance.balancing import Balancing, Sticky


@dataclass(frozen=True)
class Node:
    name: str
    capacity: int = 4
    in_flight: int = 0
    latency_seconds: float = 0.0


THREE = [Node("a"), Node("b"), Node("c")]
names = st.sampled_from("abcdefgh")
nodes = st.lists(
    st.builds(Node, names, st.integers(0, 6), st.integers(0, 8), st.floats(0, 5)),
    unique_by=lambda node: node.name,
)
keys = st.binary(max_size=12)


def name_of(node: Node | None) -> str:
    return node.name if node is not None else ""


@given(nodes, keys, st.integers(0, 1000), st.integers())
def test_every_algorithm_finds_room_where_there_is_some_and_only_there(
    targets: list[Node], key: bytes, turn: int, seed: int
) -> None:
    free = [target for target in targets if target.in_flight < target.capacity]
    for chosen in (
        least_connections(targets),
        round_robin(targets, turn),
        by_hash(targets, key),
        power_of_two(targets, random.Random(seed).random),
    ):
        assert chosen in free if free else chosen is None
    assert preferred(targets, key) in [*free, None]


@given(nodes, keys, st.integers(0, 1000))
def test_equal_questions_have_equal_answers(targets: list[Node], key: bytes, turn: int) -> None:
    assert round_robin(targets, turn) == round_robin(targets, turn)
    for choose in by_hash, preferred:
        assert choose(targets, key) == choose(list(reversed(targets)), key), "whatever the order"


def test_the_least_share_of_the_capacity_wins() -> None:
    assert name_of(least_connections([Node("a", 4, 2), Node("b", 8, 3)])) == "b"
    assert name_of(least_connections(THREE)) == "a"


def test_turns_are_shared_out_by_capacity_and_evenly() -> None:
    targets = [Node("a", 8), Node("b", 4)]
    assert "".join(name_of(round_robin(targets, turn)) for turn in range(6)) == "abaaba"
    assert "".join(name_of(round_robin(THREE, turn)) for turn in range(6)) == "abcabc"


@given(nodes, keys, names)
def test_when_one_leaves_only_its_own_keys_move(targets: list[Node], key: bytes, leaver: str) -> None:
    idle = [replace(target, in_flight=0) for target in targets if target.capacity]
    for choose in by_hash, preferred:
        before = choose(idle, key)
        if name_of(before) != leaver:
            assert choose([target for target in idle if target.name != leaver], key) == before


def test_keys_are_spread_in_proportion_to_the_capacity() -> None:
    targets = [Node("a", 1), Node("b", 3)]
    seen = Counter(name_of(preferred(targets, b"%d" % number)) for number in range(4000))
    assert 850 < seen["a"] < 1150


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.lists(keys, max_size=40))
def test_nobody_has_more_than_a_bounded_share_however_many_ask_with_one_key(
    capacities: list[int], asked: list[bytes]
) -> None:
    targets = {f"n{number}": Node(f"n{number}", capacity * 10) for number, capacity in enumerate(capacities)}
    total = sum(target.capacity for target in targets.values())
    for count, key in enumerate(asked[: total - 1]):
        chosen = by_hash(list(targets.values()), key)
        assert chosen is not None
        targets[chosen.name] = replace(chosen, in_flight=chosen.in_flight + 1)
        assert chosen.in_flight + 1 <= ceil(BOUND * (count + 1) * chosen.capacity / total)


def test_of_two_the_one_that_answers_sooner() -> None:
    fast, slow = Node("fast", 4, 1, 0.1), Node("slow", 4, 0, 1.0)
    dice = random.Random(1)
    assert {name_of(power_of_two([fast, slow], dice.random)) for _ in range(20)} == {"fast"}
    busy = replace(fast, in_flight=3, latency_seconds=0.5)
    assert name_of(power_of_two([busy, slow], dice.random)) == "slow", "what is in flight there counts, too"


def test_whoever_is_not_known_yet_is_tried() -> None:
    dice = random.Random(1)
    targets = [Node("known", 4, 1, 0.1), Node("new")]
    assert name_of(power_of_two(targets, dice.random)) == "new"


def test_two_choices_reach_everybody() -> None:
    dice = random.Random(7)
    assert {name_of(power_of_two(THREE, dice.random)) for _ in range(60)} == {"a", "b", "c"}


@pytest.mark.parametrize("algorithm", ["least_connections", "round_robin", "ip_hash", "power_of_two"])
def test_a_session_stays_where_it_is_and_goes_elsewhere_when_that_is_full(algorithm: str) -> None:
    balancer = Balancer(Balancing(algorithm, sticky=Sticky()), random.Random(3).random)
    home = balancer.choose(THREE, "session")
    assert home is not None
    assert {name_of(balancer.choose(THREE, "session")) for _ in range(10)} == {home.name}
    full = [replace(node, in_flight=4) if node.name == home.name else node for node in THREE]
    assert name_of(balancer.choose(full, "session")) in {"a", "b", "c"} - {home.name}
    gone = [node for node in THREE if node.name != home.name]
    assert name_of(balancer.choose(gone, "session")) in {"a", "b", "c"} - {home.name}


def test_requests_of_no_session_are_balanced_as_if_there_were_none() -> None:
    balancer = Balancer(Balancing("round_robin", sticky=Sticky("cookie", "s")), random.random)
    assert "".join(name_of(balancer.choose(THREE, "")) for _ in range(4)) == "abca"
