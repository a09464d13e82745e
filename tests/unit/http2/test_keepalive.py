"""When a peer is asked and given up, on a clock that stands where the test puts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.errors import ENHANCE_YOUR_CALM, Http2Error
from homeport.http2.flood_guard import FloodGuard
from homeport.http2.keepalive import Keepalive, Verdict

ALIVE, ASK, DEAD = Verdict.ALIVE, Verdict.ASK, Verdict.DEAD

# Those of tunnels.
IDLE_SECONDS = ANSWER_SECONDS = 2.5
# Within these, routes leave a node behind a cut link, and a node whose agent is frozen.
BLACK_HOLE_SECONDS = 6.0
FROZEN_SECONDS = 8.0


def watch(start: float, heard: list[float], said: list[float], until: float) -> list[tuple[float, Verdict]]:
    """What an endpoint does: it looks when the last look says so. Looks that find nothing are left out."""
    keepalive = Keepalive(start, IDLE_SECONDS, ANSWER_SECONDS)
    found = []
    while keepalive.next_look <= until:
        now = keepalive.next_look
        keepalive.heard_at = max([start, *(at for at in heard if at <= now)])
        keepalive.said_at = max([keepalive.said_at, *(at for at in said if at <= now)])
        verdict = keepalive.judge(now)
        if verdict is not ALIVE:
            found.append((now, verdict))
        if verdict is DEAD:
            break
    return found


EVERY_SECOND = [100.0 + second for second in range(1, 21)]


@pytest.mark.parametrize(
    ("heard", "said", "found"),
    [
        # One that never speaks is asked after 2.5 s and dead 2.5 s later.
        ([], EVERY_SECOND, [(102.5, ASK), (105, DEAD)]),
        # The same when we have nothing to say either.
        ([], [], [(102.5, ASK), (105, DEAD)]),
        # Cut off in the middle of a conversation.
        ([101, 102, 103, 103.7], EVERY_SECOND, [(106.2, ASK), (108.7, DEAD)]),
        # Anything that comes is an answer, at the last moment too.
        ([104.9], EVERY_SECOND, [(102.5, ASK), (107.4, ASK), (109.9, DEAD)]),
        # The other end talks and hears nothing: it is told that we are here.
        (EVERY_SECOND, [], [(102.5, ASK), (105, ASK), (107.5, ASK), (110, ASK)]),
        # Where both talk, nobody asks.
        (EVERY_SECOND, EVERY_SECOND, []),
    ],
)
def test_who_is_asked_and_given_up_when(
    heard: list[float], said: list[float], found: list[tuple[float, Verdict]]
) -> None:
    assert watch(100.0, heard, said, 110.1) == found


times = st.lists(st.integers(0, 20_000).map(lambda ms: 100 + ms / 1000), max_size=20).map(sorted)


@given(times, times)
def test_a_peer_is_dead_five_seconds_after_its_last_word(heard: list[float], said: list[float]) -> None:
    last = 100.0
    for at in heard:
        if at - last >= IDLE_SECONDS + ANSWER_SECONDS:
            break
        last = at
    at, verdict = watch(100.0, heard, said, 200.0)[-1]
    assert verdict is DEAD
    assert at == pytest.approx(last + IDLE_SECONDS + ANSWER_SECONDS)
    assert at - last < BLACK_HOLE_SECONDS < FROZEN_SECONDS


def test_who_stood_still_itself_asks_again() -> None:
    """A process that was frozen, or starved, wakes up to answers that it has not read yet."""
    keepalive = Keepalive(100.0, IDLE_SECONDS, ANSWER_SECONDS)
    assert keepalive.judge(102.5) is ASK
    assert keepalive.judge(130.0) is ASK
    keepalive.heard_at = 130.0
    assert keepalive.judge(keepalive.next_look) is ASK
    assert keepalive.judge(keepalive.next_look) is DEAD


def test_an_answer_within_the_same_millisecond_counts() -> None:
    keepalive = Keepalive(100.0, IDLE_SECONDS, ANSWER_SECONDS)
    assert keepalive.judge(102.5) is ASK
    keepalive.heard_at = 102.5
    assert keepalive.judge(105.0) is ASK


def test_a_look_that_comes_early_finds_nothing() -> None:
    keepalive = Keepalive(100.0, IDLE_SECONDS, ANSWER_SECONDS)
    assert keepalive.judge(102.499) is ALIVE
    assert keepalive.next_look == 102.5


def test_a_burst_is_allowed_and_a_flood_is_not() -> None:
    guard = FloodGuard(0.0)
    for _ in range(1000):
        guard.spend(0.0)
    with pytest.raises(Http2Error) as caught:
        guard.spend(0.0)
    assert caught.value.code == ENHANCE_YOUR_CALM


def test_a_steady_trickle_goes_on_for_ever() -> None:
    guard = FloodGuard(0.0)
    for second in range(10_000):
        for _ in range(90):
            guard.spend(float(second))
