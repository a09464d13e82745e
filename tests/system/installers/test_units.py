"""What the units let their programs do, as systemd itself rates it."""

import os
import shutil
import subprocess

import pytest

from tests.system.conftest import ROOT

pytestmark = pytest.mark.system

# On systemd's scale from 0 (closed) to 10; a service with no restriction at all has 9.6.
_MARK = 2.5


@pytest.mark.parametrize("unit", ["homeport-agent.service", "homeport-server.service"])
def test_exposure(unit: str) -> None:
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("HOMEPORT_TEST_ALL"):
            pytest.fail("systemd-analyze is missing: apt-get install systemd")
        pytest.skip("systemd-analyze is missing")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "installers" / unit)]
    rated = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    words = rated.stdout.split("Overall exposure level for ")[-1].split()
    assert words[0] == f"{unit}:", rated.stderr
    assert float(words[1]) <= _MARK, rated.stdout
