"""The models of an agent that cannot stop them itself any more.

Their processes carry their replica's id in the environment, and the agent keeps one folder per replica: that is how
they are found.
"""

import contextlib
import os
import signal
from pathlib import Path

_LABEL = b"HOMEPORT_REPLICA_ID="


def kill_replicas(agent_dir: Path) -> int:
    """SIGKILL to every process of this agent's replicas. Returns how many there were."""
    found = _replica_processes(agent_dir)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _replica_processes(agent_dir: Path) -> list[int]:
    try:
        ids = {os.fsencode(name) for name in os.listdir(agent_dir / "replicas")}
    except FileNotFoundError:
        return []
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _replica_of(pid) in ids]


def _replica_of(pid: int) -> bytes:
    """Empty for processes without the label, of other users, and for those that have ended."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
    return next((item.removeprefix(_LABEL) for item in environment.split(b"\0") if item.startswith(_LABEL)), b"")
