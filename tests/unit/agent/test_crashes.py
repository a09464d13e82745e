"""Failures in a row, told in seconds."""

from agent.reconcile.crashes import Crashes


def _after(*times: float, ready_seconds: float = 0.0) -> Crashes:
    crashes = Crashes()
    for now in times:
        crashes = crashes.after(ready_seconds, now)
    return crashes


def test_the_first_failures_say_only_what_happened() -> None:
    assert _after(100, 102, 105, 110).failed("exit code 7", 8.0) == "exit code 7"
    assert _after(100, 102, 105, 110).starting("") == ""


def test_the_fifth_in_a_row_is_a_loop() -> None:
    crashes = _after(100, 102, 107, 120, 140)
    assert crashes.failed("exit code 1: no such file", 30.0) == (
        "crash loop: 5 failures in 40 s, next try in 30 s; last: exit code 1: no such file"
    )
    assert crashes.starting("nothing listens on its port yet") == (
        "crash loop: 5 failures in 40 s, trying again: nothing listens on its port yet"
    )


def test_a_good_life_forgives_and_a_short_one_does_not() -> None:
    looping = _after(*range(10))
    assert looping.after(ready_seconds=59.0, now=100).count == 11
    forgiven = looping.after(ready_seconds=60.0, now=100)
    assert (forgiven.count, forgiven.first_at) == (1, 100)
    assert forgiven.failed("exit code 1", 1.0) == "exit code 1"


def test_the_waits_double_up_to_a_minute() -> None:
    waits = [_after(*range(failures)).backoff(jitter=0.5) for failures in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_long_loops_are_told_in_longer_units() -> None:
    assert "in 10 min, next" in _after(0, 1, 2, 3, 600).failed("x", 60.0)
    assert "in 5 h, next" in _after(0, 1, 2, 3, 18000).failed("x", 60.0)
