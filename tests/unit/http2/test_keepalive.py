import pytest

from homeport.http2.errors import ENHANCE_YOUR_CALM, Http2Error
from homeport.http2.flood_guard import FloodGuard
from homeport.http2.keepalive import Keepalive, Verdict

ALIVE, ASK, DEAD = Verdict.ALIVE, Verdict.ASK, Verdict.DEAD


@pytest.mark.parametrize(
    ("heard", "looks"),
    [
        # A silent peer is asked after 5 s and dead 3 s later.
        ([], [(104.9, ALIVE), (105, ASK), (106, ALIVE), (107.9, ALIVE), (108, DEAD), (109, DEAD)]),
        # Anything that comes is an answer.
        ([105.5], [(105, ASK), (106, ALIVE), (110, ALIVE), (110.5, ASK), (113.5, DEAD)]),
        # One that speaks is never asked.
        ([103, 106, 109, 112], [(104, ALIVE), (107, ALIVE), (110, ALIVE), (113, ALIVE)]),
    ],
)
def test_who_is_taken_for_dead_when(heard: list[float], looks: list[tuple[float, Verdict]]) -> None:
    keepalive = Keepalive(100.0, idle_seconds=5)
    for now, verdict in looks:
        keepalive.heard_at = max([100.0, *(at for at in heard if at <= now)])
        assert (now, keepalive.judge(now)) == (now, verdict)


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
