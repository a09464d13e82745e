"""Starts that get on and starts that hang, told in seconds since their begin."""

from dataclasses import replace

import pytest

from agent.reconcile.progress import Look, Progress
from homeport.core.workload import Startup

STARTUP = Startup(progress_deadline_seconds=60, deadline_seconds=600)
NOTHING = Look()


def _watched(looks: list[tuple[float, Look]]) -> Progress:
    progress = Progress.begin(0.0).after(NOTHING, 0.0)
    for now, look in looks:
        progress = progress.after(look, now)
    return progress


@pytest.mark.parametrize(
    ("look", "sign"),
    [
        pytest.param(Look(cpu_seconds=0.6), "CPU at work", id="an eighth of a core"),
        pytest.param(Look(cpu_seconds=0.1), "", id="an idle event loop"),
        pytest.param(Look(io_bytes=5 << 20), "disk at work", id="a MiB a second"),
        pytest.param(Look(io_bytes=100_000), "", id="a log file"),
        pytest.param(Look(line="loading shard 3 of 8"), "printed: loading shard 3 of 8", id="a new line"),
    ],
)
def test_what_counts_as_progress_in_five_seconds(look: Look, sign: str) -> None:
    assert _watched([(5.0, look)]).sign == sign


def test_a_line_that_repeats_itself_is_no_progress() -> None:
    waiting = Look(line="waiting for the database")
    progress = _watched([(float(now), waiting) for now in range(5, 70, 5)])
    assert progress.moved_at == 5.0
    assert progress.verdict(STARTUP, 64.9) == ""
    assert progress.verdict(STARTUP, 65.0) == (
        "not ready, and no progress for 60 s (last: printed: waiting for the database)"
    )


def test_a_counter_that_falls_is_a_new_base() -> None:
    progress = _watched([(5.0, Look(cpu_seconds=50.0)), (10.0, Look(cpu_seconds=1.0)), (15.0, Look(cpu_seconds=3.0))])
    assert progress.moved_at == 15.0


def test_idle_noise_adds_up_to_nothing() -> None:
    """A hung server with its timers: 2 % of a core for ten minutes."""
    progress = _watched([(float(now), Look(cpu_seconds=0.02 * now)) for now in range(5, 600, 5)])
    assert progress.moved_at == 0.0
    assert progress.verdict(STARTUP, 60.0) == "not ready, and no progress for 60 s"


def test_steady_work_is_cut_off_by_the_last_deadline_only() -> None:
    progress = _watched([(float(now), Look(cpu_seconds=float(now))) for now in range(5, 600, 5)])
    assert progress.verdict(STARTUP, 599.0) == ""
    assert progress.verdict(STARTUP, 600.0) == "not ready within 600 s (last: CPU at work)"


def test_the_reports_of_a_preparation_are_progress_when_they_are_new() -> None:
    progress = Progress.begin(0.0).told("pulling, 1 of 2 GiB", 50.0).told("pulling, 1 of 2 GiB", 100.0)
    assert progress.verdict(STARTUP, 109.0) == ""
    assert progress.verdict(STARTUP, 110.0) == "not ready, and no progress for 60 s (last: pulling, 1 of 2 GiB)"
    assert progress.told("pulling, 2 of 2 GiB", 105.0).verdict(STARTUP, 110.0) == ""


@pytest.mark.parametrize(
    ("startup", "now", "seconds"),
    [
        (STARTUP, 0.0, 5.0),
        (replace(STARTUP, progress_deadline_seconds=4), 0.0, 1.0),
        (STARTUP, 58.0, 2.0),
        (replace(STARTUP, deadline_seconds=3), 0.0, 3.0),
        (STARTUP, 1000.0, 0.0),
    ],
)
def test_the_next_look_comes_before_a_deadline_passes(startup: Startup, now: float, seconds: float) -> None:
    assert Progress.begin(0.0).next_look(startup, now) == seconds
