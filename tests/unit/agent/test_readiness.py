"""Readiness over the life of a replica, told in seconds since its start."""

from agent.reconcile.readiness import Readiness, Verdict
from homeport.core.workload import Probe, Startup

PROBE = Probe(interval_seconds=1.0, failure_threshold=3)
STARTUP = Startup(deadline_seconds=30)


def test_one_success_makes_ready() -> None:
    readiness = Readiness(started_at=0).after(PROBE, False).after(PROBE, True)
    assert readiness.verdict(STARTUP, was_ready=False, now=2) is Verdict.READY


def test_failures_in_a_row_make_it_not_ready() -> None:
    readiness = Readiness(started_at=0, ready=True)
    for now, expected in [(10, Verdict.READY), (11, Verdict.READY), (12, Verdict.STARTING)]:
        readiness = readiness.after(PROBE, False)
        assert readiness.verdict(STARTUP, was_ready=True, now=now) is expected


def test_a_success_between_failures_counts_anew() -> None:
    readiness = Readiness(started_at=0, ready=True)
    for succeeded in (False, False, True, False, False):
        readiness = readiness.after(PROBE, succeeded)
    assert readiness.ready


def test_the_start_deadline_is_for_those_that_were_never_ready() -> None:
    readiness = Readiness(started_at=0).after(PROBE, False)
    assert readiness.verdict(STARTUP, was_ready=False, now=30) is Verdict.STARTING
    assert readiness.verdict(STARTUP, was_ready=False, now=30.1) is Verdict.TOO_LATE
    assert readiness.verdict(STARTUP, was_ready=True, now=1000) is Verdict.STARTING


def test_a_steady_replica_is_looked_at_less_until_it_fails() -> None:
    readiness = Readiness(started_at=0)
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
    readiness, now, looks = Readiness(started_at=0), 0.0, 0
    while now <= 0.1:
        readiness, looks = readiness.after(PROBE, False), looks + 1
        now += readiness.next_delay(PROBE)
    assert looks >= 3
    for _ in range(100):
        readiness = readiness.after(PROBE, False)
        assert readiness.next_delay(PROBE) <= PROBE.interval_seconds
