"""An agent that is killed at any write of a new identity comes back with the old one or the new one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.failpoint import EXIT_CODE
from agent.state.identity import Identity, IdentityStore

_FILES = ("key.pem", "certificate.pem", "ca.pem", "identity.json")
_POINTS = (
    *(f"identity-copy-{name}" for name in _FILES),
    *(f"identity-{name}" for name in _FILES),
    "identity-written",
    "identity-linked",
    "identity-switched",
)
OLD = Identity("n", "home", "default", "cp:8443", b"old key", b"old", b"ca", 86_400, "boot", 1.0, "cp:8442")
NEW = replace(OLD, key=b"new key", certificate=b"new")
_SAVE = """
import sys
from pathlib import Path
from tests.unit.agent.test_identity_switch import NEW, IdentityStore
IdentityStore(Path(sys.argv[1])).save(NEW)
"""


@pytest.mark.parametrize("point", _POINTS)
def test_killed_there(tmp_path: Path, point: str) -> None:
    store = IdentityStore(tmp_path / "identity")
    store.save(OLD)
    root = Path(__file__).parents[3]
    child = subprocess.run(
        [sys.executable, "-c", _SAVE, str(tmp_path / "identity")],
        cwd=root,
        env={"HOMEPORT_FAILPOINT": point, "PATH": "", "PYTHONPATH": f"{root}:{root / 'proto'}"},
        timeout=60,
        check=False,
    )
    assert child.returncode == EXIT_CODE
    assert store.load() == (NEW if point == "identity-switched" else OLD)
    store.save(NEW)
    assert store.load() == NEW
