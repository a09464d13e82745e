"""A container engine, a wheelhouse of this checkout, and a machine to install it on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import need_engine, private_engine
from tests.system.conftest import ROOT
from tests.system.installers.image import only_one, systemd_root
from tests.system.installers.machine import Machine

_IMAGE = "homeport-systemd"


@pytest.fixture(scope="session")
def engine() -> Iterator[Path]:
    """The socket of an engine of its own."""
    need_engine()
    if shutil.which("debootstrap") is None:
        message = "installing is tested in a container, whose disk is made by debootstrap: install it"
        if os.environ.get("HOMEPORT_TEST_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    with private_engine() as engine:
        yield engine.socket


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
