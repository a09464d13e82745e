"""Readiness over the life of a replica."""

import pytest

from agent.reconcile.readiness import Readiness
from homeport.core.workload import Probe, ProbeKind

PROBE = Probe(interval_seconds=1.0, failure_threshold=3)


def test_one_success_makes_ready() -> None:
    assert Readiness().after(PROBE, False).after(PROBE, True).ready


def test_failures_in_a_row_make_it_not_ready() -> None:
    readiness = Readiness(ready=True)
    for expected in (True, True, False):
        readiness = readiness.after(PROBE, False)
        assert readiness.ready is expected


def test_a_success_between_failures_counts_anew() -> None:
    readiness = Readiness(ready=True)
    for succeeded in (False, False, True, False, False):
        readiness = readiness.after(PROBE, succeeded)
    assert readiness.ready


def test_a_steady_replica_is_looked_at_less_until_it_fails() -> None:
    readiness = Readiness()
    for _ in range(9):
        readiness = readiness.after(PROBE, True)
        assert readiness.next_delay(PROBE) == 1.0
    readiness = readiness.after(PROBE, True)
    assert readiness.next_delay(PROBE) == 5.0
    readiness = readiness.after(PROBE, False)
    assert readiness.ready
    assert readiness.next_delay(PROBE) == 1.0


@pytest.mark.parametrize(
    ("kind", "looks_in_a_second", "latest"),
    [(ProbeKind.HTTP, 40, 0.09), (ProbeKind.TCP, 40, 0.09), (ProbeKind.EXEC, 10, 0.55)],
)
def test_a_start_is_seen_little_later_than_it_was_over(kind: ProbeKind, looks_in_a_second: int, latest: float) -> None:
    """`latest`: how much later, as a share of what it took; but never more than the interval."""
    probe = Probe(kind, interval_seconds=1.0)
    readiness, now, looks = Readiness(), 0.0, 0
    while now < 60:
        readiness = readiness.after(probe, False)
        delay = readiness.next_delay(probe)
        assert delay <= min(1.0, 0.03 + latest * now)
        now, looks = now + delay, looks + (now < 1)
    assert looks <= looks_in_a_second
