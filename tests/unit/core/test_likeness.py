"""Who is a copy: other hardware, or a state that was set back. And who is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.hardware import Hardware, is_other, learned
from homeport.core.likeness import Claim, Memory, Suspicion, suspicion

HOST = Hardware("machine", "board", ("02:fc:00:00:00:01", "02:fc:00:00:00:02"), ("GPU-1", "GPU-2"))
ELSEWHERE = Hardware("machine-2", "board-2", ("02:fc:00:00:00:09",), ("GPU-9",))


@pytest.mark.parametrize(
    ("what", "shown", "other"),
    [
        ("the same", HOST, False),
        ("another host", ELSEWHERE, True),
        ("a copy of the whole disk in another machine", replace(ELSEWHERE, machine_id="machine"), True),
        ("nothing is told", Hardware(), False),
        ("only the system, another one", Hardware("machine-2"), True),
        ("a new system on the same machine", replace(HOST, machine_id="machine-2"), False),
        ("new network cards", replace(HOST, addresses=("02:fc:00:00:00:09",)), False),
        ("one card of two", replace(HOST, addresses=HOST.addresses[1:]), False),
        ("a GPU more, one less", replace(HOST, gpu_uuids=("GPU-2", "GPU-3")), False),
        ("all GPUs taken out", replace(HOST, gpu_uuids=()), False),
        ("a new board, with its cards and GPUs", replace(ELSEWHERE, machine_id="machine"), True),
        ("a new board, the same GPUs", replace(HOST, product_uuid="board-2", addresses=("02:fc:00:00:00:09",)), False),
    ],
)
def test_another_host_is_one_of_which_more_differs_than_agrees(what: str, shown: Hardware, other: bool) -> None:
    assert is_other(HOST, shown) is other, what
    assert suspicion(Memory(HOST), Claim(hardware=shown)) is (Suspicion.HARDWARE if other else None)


texts = st.sampled_from(["", "a", "b"])
cards = st.sets(st.sampled_from("ab")).map(lambda found: tuple(sorted(found)))
hosts = st.builds(Hardware, texts, texts, cards, cards)


@given(hosts, hosts)
def test_it_is_the_same_seen_from_either_side_and_never_another_than_itself(one: Hardware, two: Hardware) -> None:
    assert is_other(one, two) == is_other(two, one)
    assert not is_other(one, one)
    assert not is_other(learned(one, two), two)


def test_what_is_not_told_once_stays_known() -> None:
    assert learned(HOST, Hardware("machine-2")) == replace(HOST, machine_id="machine-2")


@pytest.mark.parametrize(
    ("what", "seen", "kept", "found"),
    [
        ("as it was left", 7, 7, None),
        ("killed after the grant of 8, before it was told to be on the disk", 8, 7, None),
        ("granted 8 and 9, killed before either was on the disk", 7, 7, None),
        ("set back by one session", 6, 7, Suspicion.SNAPSHOT),
        ("set back to the first", 1, 7, Suspicion.SNAPSHOT),
        ("its state was damaged, or it is of an older release", 0, 7, None),
        ("the control plane was set back", 7, 3, None),
        ("never heard of", 0, 0, None),
    ],
)
def test_an_older_state_is_one_that_has_forgotten_what_it_said_it_had(
    what: str, seen: int, kept: int, found: Suspicion | None
) -> None:
    assert suspicion(Memory(HOST, kept), Claim("p", seen, HOST)) is found, what
