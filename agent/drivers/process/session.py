"""A replica's processes: all of the session that its first one leads."""

import contextlib
import os
import signal
from collections.abc import Iterator

from agent.drivers.process import table
from agent.drivers.process.environment import Marks, marks_of
from agent.drivers.process.table import ProcessEntry


def members(leader: ProcessEntry) -> list[ProcessEntry]:
    """The live ones. While one lives the kernel does not give the leader's pid away."""
    now = table.read(leader.pid)
    if now is not None and now.start_ticks != leader.start_ticks:
        return []
    return [entry for entry in table.entries() if entry.session == leader.pid and not entry.ended]


def kill_members(leader: ProcessEntry) -> None:
    for member in members(leader):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)


def marked_leaders(scope: str) -> Iterator[tuple[ProcessEntry, Marks]]:
    """The first process of each replica that runs, oldest first.

    A child of a replica that made a session for itself has the same marks, and is younger.
    """
    leaders = (entry for entry in table.entries() if entry.pid == entry.session and not entry.ended)
    seen: set[str] = set()
    for entry in sorted(leaders, key=lambda entry: entry.start_ticks):
        marks = marks_of(table.environment(entry.pid), scope)
        if marks is not None and marks.labels.replica_id not in seen:
            seen.add(marks.labels.replica_id)
            yield entry, marks
