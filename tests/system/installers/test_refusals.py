"""install.sh where it cannot do its work: one line that says what to do, and nothing is changed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import ROOT
from tests.system.installers.machine import Machine
from tests.system.installers.release import changed

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("installers")]

_TOKEN = f"hp1.0123456789ab.secret.{'0' * 64}"


def _refused(script: Path, *arguments: str, **environment: str) -> str:
    ran = subprocess.run(
        ["sh", str(script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    return ran.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to install"),
        (["gateway"], "unknown argument gateway"),
        (["agent", "--token"], "--token needs a value"),
        (["agent", "--sever", "hub"], "unknown argument --sever"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], words: str) -> None:
    (line,) = _refused(ROOT / "installers" / "install.sh", *arguments).splitlines()
    assert words in line


def test_help_needs_no_root() -> None:
    ran = subprocess.run(
        ["sh", str(ROOT / "installers" / "install.sh"), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "--uninstall" in ran.stdout


def test_on_a_host(machine: Machine, wheelhouse: Path, tmp_path: Path) -> None:
    machine.copy(wheelhouse, "/root/wheelhouse")
    install = "sh /root/wheelhouse/install.sh agent"
    with_token = f"{install} --server 127.0.0.1 --token {_TOKEN}"
    other = changed(wheelhouse, tmp_path / "other", {}, {"homeport-agent.service": "# other"})
    machine.copy(other, "/root/other")
    for line, words in [
        (install, "this host has not joined yet: give --server HOST and --token TOKEN"),
        (f"runuser -u nobody -- {with_token}", "this must run as root"),
        (f"{with_token} --wheelhouse /root/other", "take both from the same place"),
        (f"{with_token} --wheelhouse /etc", "/etc is no wheelhouse"),
        (
            f"{with_token} --wheelhouse http://127.0.0.1:1/wheels",
            "cannot download http://127.0.0.1:1/wheels/SHA256SUMS",
        ),
        (f"PYTHON=/nowhere/python {with_token}", "no Python found"),
    ]:
        refused = machine.sh(f"chmod a+rx /root; {line}", check=False)
        assert refused.returncode == 1, line
        assert words in refused.stderr, line
    machine.sh("echo damage >>/root/wheelhouse/agent.txt")
    assert "is damaged" in machine.sh(with_token, check=False).stderr
    assert machine.sh("ls /opt /etc/homeport /etc/systemd/system/homeport*", check=False).stdout.strip() == "/opt:"
