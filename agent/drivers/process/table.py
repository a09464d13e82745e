"""What /proc says about processes: identity that survives pid reuse, sessions, labels."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.drivers.driver import Stats

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessEntry:
    """`start_ticks` (clock ticks since boot) tells two processes of one pid apart."""

    pid: int
    state: str
    session: int
    start_ticks: int

    @property
    def ended(self) -> bool:
        return self.state in ("Z", "X")


def read(pid: int) -> ProcessEntry | None:
    """None when there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name stands in parentheses and may hold anything, so fields count from the last one.
    fields = stat[stat.rindex(")") + 2 :].split()
    return ProcessEntry(pid, state=fields[0], session=int(fields[3]), start_ticks=int(fields[19]))


def entries() -> Iterator[ProcessEntry]:
    for name in os.listdir(_PROC):
        if name.isdigit():
            entry = read(int(name))
            if entry is not None:
                yield entry


def environment(pid: int) -> dict[str, str]:
    """What the process was started with; empty when it is gone or another user's."""
    try:
        content = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.partition(b"=") for item in content.split(b"\0") if item)
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, _, value in pairs}


def usage(pids: list[int]) -> Stats:
    """Of these processes together. Bytes that came from memory instead of a disk are no I/O."""
    ticks, pages, io_bytes = 0, 0, 0
    for pid in pids:
        folder = _PROC / str(pid)
        try:
            stat = (folder / "stat").read_text()
            pages += int((folder / "statm").read_text().split()[1])
            counters = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        ticks += int(fields[11]) + int(fields[12])
        io_bytes += int(counters["read_bytes"]) + int(counters["write_bytes"])
    return Stats(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"), io_bytes)
