"""The one place where a replica's process comes to be: in a systemd unit of its own, or as a child of the agent."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from agent.drivers.driver import StartRefused
from agent.drivers.process import table
from agent.drivers.process.replica_unit import ReplicaUnits
from agent.drivers.process.table import ProcessEntry


@dataclass(frozen=True, slots=True)
class Launched:
    """`popen` is None for one in a `unit`."""

    entry: ProcessEntry
    popen: subprocess.Popen[bytes] | None = None
    unit: str = ""


async def launch(
    units: ReplicaUnits | None, command: list[str], cwd: str, environment: Mapping[str, str], output: int
) -> Launched:
    """Returns once the program runs, with the descriptor `output` as its stdout and stderr.

    Raises StartRefused, DriverUnavailable.
    """
    if units is not None:
        in_unit = await units.launch(command, cwd, environment, output)
        ended = ProcessEntry(in_unit.pid, "X", in_unit.pid, start_ticks=0)
        return Launched(table.read(in_unit.pid) or ended, unit=in_unit.unit)
    try:
        popen = subprocess.Popen(  # noqa: ASYNC220 - returns after exec, and what follows must not be interrupted
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise StartRefused(f"cannot run {command[0]}: {error.strerror}") from None
    entry = table.read(popen.pid)
    assert entry is not None  # our child, not waited for yet
    return Launched(entry, popen)
