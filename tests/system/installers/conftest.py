"""A container engine, a wheelhouse of this checkout, and a machine to install it on."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import ROOT
from tests.system.installers.image import only_one, systemd_root
from tests.system.installers.machine import Machine

_IMAGE = "homeport-systemd"
_TOOLS = ("dockerd", "docker", "debootstrap")


def _need_tools() -> None:
    """Skips where no machine can be made; in CI that is a failure."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None] + ([] if os.geteuid() == 0 else ["root"])
    if missing:
        message = f"installing is tested in a container, which needs {', '.join(missing)}"
        if os.environ.get("HOMEPORT_TEST_ALL"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def engine() -> Iterator[Path]:
    """The socket of an engine of its own. Its containers have no network but loopback."""
    _need_tools()
    with tempfile.TemporaryDirectory(prefix="hp-engine-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        socket = folder / "docker.sock"
        command = [
            "dockerd", f"--host=unix://{socket}", f"--data-root={folder}/data", f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid", "--bridge=none", "--iptables=false",
            "--default-ulimit=nofile=1024:20000", "--default-ulimit=nproc=4096:4096",
        ]  # fmt: skip
        with open(folder / "log", "w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            ends = time.monotonic() + 60
            while not socket.exists():
                assert process.poll() is None and time.monotonic() < ends, (folder / "log").read_text()
                time.sleep(0.1)
            yield socket
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels") / "wheelhouse"
    command = ["sh", str(ROOT / "installers" / "wheelhouse.sh"), str(folder)]
    with only_one(ROOT / ".make" / "wheelhouse.lock"):
        made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def image(engine: Path) -> str:
    subprocess.run(
        ["docker", "--host", f"unix://{engine}", "import", str(systemd_root()), _IMAGE],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return _IMAGE


@pytest.fixture
def machine(engine: Path, image: str) -> Iterator[Machine]:
    with Machine(engine, image) as machine:
        yield machine
