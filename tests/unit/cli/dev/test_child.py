import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeport.cli.dev.child import Child, ChildDied
from homeport.cli.dev.waiting import too_slow, wait_for
from homeport.core.errors import ErrorCode, HomeportError

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Child] = []

    def run(code: str) -> Child:
        command = [sys.executable, "-c", code]
        child = Child("the program", "homeport-x", command, tmp_path / "x.log", tmp_path)
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.stop(1)


def _event(child: Child, name: str) -> dict[str, object]:
    return wait_for(lambda: child.events.get(name), [child], 30, lambda: too_slow("no event", child))


def _death(child: Child) -> ChildDied:
    with pytest.raises(ChildDied) as caught:
        wait_for(lambda: None, [child], 30, lambda: too_slow("it lives", child))
    return caught.value


def test_events_are_read_and_secrets_are_not_logged(start: Start, tmp_path: Path) -> None:
    child = start(
        "import sys, signal\n"
        'print(\'token: hp1.a.secret\'); print(\'7\'); print(\'{"event": "ready", "api": "http://x"}\', flush=True)\n'
        "sys.stderr.write('a log line\\n'); sys.stderr.flush(); signal.pause()"
    )
    assert _event(child, "ready")["api"] == "http://x"
    child.check()
    child.stop(10)
    assert not child.running
    assert (tmp_path / "x.log").read_text() == "a log line\n"


def test_its_own_one_line_error_is_passed_on(start: Start, tmp_path: Path) -> None:
    died = _death(start("import sys; sys.exit('homeport-x: the data is newer than this program (update it)')"))
    assert died.message == "the data is newer than this program (update it)"
    assert (died.hint, died.last_lines) == (f"full log: {tmp_path / 'x.log'}", [])


def test_a_crash_shows_the_end_of_its_log(start: Start) -> None:
    died = _death(start("import sys\nfor n in range(9): sys.stderr.write(f'line {n}\\n')\nsys.exit(3)"))
    assert died.message == "the program ended (exit code 3)"
    assert died.last_lines == [f"line {n}" for n in range(4, 9)]


def test_a_kill_is_told_by_its_signal(start: Start) -> None:
    died = _death(start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert died.message == "the program ended (killed by SIGKILL)"


def test_what_ignores_sigterm_is_killed(start: Start) -> None:
    child = start(
        'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(\'{"event": "up"}\', flush=True)\n'
        "while True: signal.pause()"
    )
    _event(child, "up")
    child.stop(0.1)
    assert not child.running


def test_ctrl_c_in_the_terminal_does_not_reach_it(start: Start) -> None:

    child = start(
        'import os; print(\'{"event": "group", "id": %d}\' % os.getpgrp(), flush=True); import signal; signal.pause()'
    )
    assert _event(child, "group")["id"] != os.getpgrp()


def test_the_log_before_is_kept(start: Start, tmp_path: Path) -> None:
    for text in ("first", "second"):
        _death(start(f"import sys; sys.stderr.write('{text}')"))
    assert (tmp_path / "x.log").read_text() == "second"
    assert (tmp_path / "x.log.1").read_text() == "first"


def test_waiting_ends_with_the_problem(start: Start) -> None:
    child = start("import signal; signal.pause()")
    with pytest.raises(HomeportError, match="never ready") as caught:
        wait_for(lambda: None, [child], 0, lambda: too_slow("never ready", child))
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
