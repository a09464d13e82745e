"""Starting a process replica in a systemd unit of its own: the agent's end.

The unit homeport-replica.socket listens; systemd makes one homeport-replica@ unit per connection, whose program
(agent/drivers/become_replica.py) turns into the replica. So a replica is no child of the agent, stands in a control
group that no restart of the agent touches, and the agent needs no right to make units. docs/adr/0009 weighs it.
"""

import asyncio
import contextlib
import json
import re
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.drivers.driver import DriverUnavailable, Exit, StartRefused

_LAUNCH_SECONDS = 20.0
_EXIT_SECONDS = 5.0
_POLL_SECONDS = 0.05
_UNIT = re.compile(r"/homeport-replica@([^/]+)\.service")


@dataclass(frozen=True, slots=True)
class Launched:
    """`unit` is what tells this unit from the others of its kind."""

    pid: int
    unit: str


class ReplicaUnits:
    """`socket_path` is where systemd listens; in `exits` each unit notes how its replica ended."""

    def __init__(self, socket_path: Path, exits: Path) -> None:
        self._socket_path = socket_path
        self._exits = exits

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "ReplicaUnits | None":
        """None where the agent was not told of any: then replicas are its own children."""
        path = environ.get("HOMEPORT_REPLICA_SOCKET")
        return cls(Path(path), Path(environ["HOMEPORT_REPLICA_EXITS"])) if path else None

    async def launch(self, command: list[str], cwd: str, environment: Mapping[str, str], output: int) -> Launched:
        """Returns once the replica's program runs, with the descriptor `output` as its stdout and stderr.

        Raises StartRefused, DriverUnavailable.
        """
        order = json.dumps({"command": command, "cwd": cwd, "environment": dict(environment)}).encode()
        try:
            answers = await asyncio.to_thread(self._ask, order + b"\n", output)
        except OSError as error:
            raise DriverUnavailable(
                f"systemd starts no replica ({error.strerror or error}); "
                "look at: systemctl status homeport-replica.socket"
            ) from None
        if not answers:
            raise DriverUnavailable("the replica's unit ended at once; look at: journalctl -u 'homeport-replica@*'")
        if "error" in answers[-1]:
            raise StartRefused(f"cannot run {command[0]}: {answers[-1]['error']}")
        return Launched(answers[0]["pid"], answers[0]["unit"])

    async def exit_of(self, unit: str) -> Exit | None:
        """How it ended: systemd notes it a moment after the process is gone. None when it has not."""
        path = self._exits / unit
        for _ in range(int(_EXIT_SECONDS / _POLL_SECONDS)):
            with contextlib.suppress(OSError):
                text = path.read_text()
                if text.endswith("\n"):
                    path.unlink()
                    return parse_exit(text)
            await asyncio.sleep(_POLL_SECONDS)
        return None

    def _ask(self, order: bytes, output: int) -> list[dict[str, Any]]:
        """What the other end says until the replica's program takes its place, which closes that end."""
        ours, theirs = socket.socketpair()
        with ours, socket.socket(socket.AF_UNIX) as connection:
            with theirs:
                connection.settimeout(_LAUNCH_SECONDS)
                connection.connect(str(self._socket_path))
                socket.send_fds(connection, [b"\n"], [output, theirs.fileno()])
            ours.settimeout(_LAUNCH_SECONDS)
            ours.sendall(order)
            with ours.makefile("rb") as answers:
                return [json.loads(line) for line in answers]


def unit_of(pid: int) -> str:
    """Which unit a running replica was started in; empty when in none."""
    try:
        found = _UNIT.search(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return ""
    return found[1] if found else ""


def parse_exit(text: str) -> Exit | None:
    """Of `$SERVICE_RESULT $EXIT_CODE $EXIT_STATUS`, as systemd.exec(5) has them; None for what tells of no process."""
    result, how, status = [*text.split(), "", "", ""][:3]
    if how == "exited":
        return Exit(int(status), f"exit code {status}")
    number = signal.Signals.__members__.get(f"SIG{status}")
    if number is None:
        return None
    return Exit(-number, "out of memory" if result == "oom-kill" else f"killed by {number.name}")
