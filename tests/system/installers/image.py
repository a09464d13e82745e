"""The machine's disk: a minimal Debian with systemd and Python, made once and kept in .make/."""

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.conftest import ROOT

_FOLDER = ROOT / ".make" / "systemd"
_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "curl", "ca-certificates", "procps",
)  # fmt: skip
_SECONDS = 600


def systemd_root() -> Path:
    """A tar file of it, for `docker import`. The first call of all downloads 100 MB and takes a minute."""
    tar = _FOLDER / "root.tar"
    with only_one(_FOLDER / "lock"):
        if not tar.exists():
            scratch = _FOLDER / "root"
            suite, mirror = _where_this_host_gets_its_packages()
            _run("rm", "-rf", str(scratch))
            _run("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(scratch), mirror)
            _run(
                "rm", "-rf", *(str(scratch / part) for part in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc"))
            )
            _run("tar", "--directory", str(scratch), "--create", "--file", f"{tar}.new", ".")
            _run("rm", "-rf", str(scratch))
            Path(f"{tar}.new").rename(tar)
    return tar


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Among the workers of a test run, and among runs in this checkout."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _where_this_host_gets_its_packages() -> tuple[str, str]:
    """(suite, mirror)"""
    wanted = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(wanted, capture_output=True, text=True, timeout=60, check=True).stdout
    suite, mirror = listed.splitlines()[0].split()
    return suite, mirror


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert ran.returncode == 0, f"{command[0]}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
