"""The agent as a service of systemd."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from agent.doctor.finding import Finding, Host, fail, ok, warn

_CHECK = "unit"
_UNIT = "homeport-agent.service"
_PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "NRestarts", "NeedDaemonReload")
_SECONDS = 10.0


def check_unit(host: Host) -> list[Finding]:
    if not Path("/run/systemd/system").exists() or not shutil.which("systemctl"):
        return [warn(_CHECK, "systemd does not run here", "make sure that something starts the agent after a reboot")]
    shown = subprocess.run(
        ["systemctl", "show", _UNIT, "--property", ",".join(_PROPERTIES)],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return [judge_unit(dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line))]


def judge_unit(properties: Mapping[str, str]) -> Finding:
    if properties.get("LoadState") != "loaded":
        return warn(_CHECK, f"{_UNIT} is not installed", "install.sh agent; without it nothing restarts the agent")
    if properties.get("ActiveState") != "active":
        state = properties.get("ActiveState", "unknown")
        return fail(_CHECK, f"{_UNIT} is {state}", f"journalctl -u {_UNIT} -n 50 says why; systemctl start {_UNIT}")
    if properties.get("UnitFileState") != "enabled":
        return warn(_CHECK, f"{_UNIT} does not start at boot", f"systemctl --no-reload enable {_UNIT}")
    if properties.get("NeedDaemonReload") == "yes":
        return warn(
            _CHECK,
            f"{_UNIT} was changed on disk and systemd has not read it",
            "systemctl daemon-reload; on a GPU host see docs/install.md first: containers may lose their GPUs",
        )
    restarts = int(properties.get("NRestarts", "0"))
    if restarts:
        return warn(_CHECK, f"{_UNIT} runs, and was restarted {restarts} times", f"journalctl -u {_UNIT} says why")
    return ok(_CHECK, f"{_UNIT} runs and starts at boot")
