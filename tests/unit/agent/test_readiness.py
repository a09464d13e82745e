"""Readiness over the life of a replica."""

from agent.reconcile.readiness import Readiness
from homeport.core.workload import Probe

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


def test_a_quick_start_is_seen_quickly() -> None:
    """Within the first 100 ms there are at least three looks, and none is further apart than the interval."""
    readiness, now, looks = Readiness(), 0.0, 0
    while now <= 0.1:
        readiness, looks = readiness.after(PROBE, False), looks + 1
        now += readiness.next_delay(PROBE)
    assert looks >= 3
    for _ in range(100):
        readiness = readiness.after(PROBE, False)
        assert readiness.next_delay(PROBE) <= PROBE.interval_seconds
