"""Whether a replica that is not ready yet gets on with it. Pure.

A large model may take an hour to come and to load, a broken one hangs from its first second: no single deadline fits
both. So the patience is for the time *without progress*, with a last limit for the sum.
"""

from dataclasses import dataclass, replace

from homeport.core.workload import Startup

# How long one look waits for the next: long enough for the rates below to mean something.
_LOOK_SECONDS = 5.0
# Looks in the time that may pass without progress, so that a short deadline is judged by more than one of them.
_LOOKS_PER_DEADLINE = 4
# What counts as work, on average between two looks. An idle event loop with its timers takes 0.001 to 0.02 of a core
# and writes a few KiB of logs; loading, unpacking and compiling take most of a core or read MiB per second.
_CORES_AT_WORK = 0.1
_BYTES_PER_SECOND_AT_WORK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """At a replica that is starting. The counters are since its start, 0 where the driver cannot tell; `line` is the
    last one of its output: one that repeats itself for ever says nothing new."""

    cpu_seconds: float = 0.0
    io_bytes: int = 0
    line: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one start, image included. Times are monotonic seconds; `sign` is the last sign of progress, for people."""

    began_at: float
    moved_at: float
    looked_at: float
    look: Look | None = None
    sign: str = ""

    @classmethod
    def begin(cls, now: float) -> "Progress":
        return cls(began_at=now, moved_at=now, looked_at=now)

    def told(self, report: str, now: float) -> "Progress":
        """After a report of the driver that prepares the start. The same report again is no progress."""
        return self if report == self.sign else replace(self, moved_at=now, sign=report)

    def after(self, look: Look, now: float) -> "Progress":
        """The first look has nothing to be compared with, and is none."""
        sign = _difference(self.look, look, now - self.looked_at) if self.look else ""
        if sign:
            return replace(self, moved_at=now, looked_at=now, look=look, sign=sign)
        return replace(self, looked_at=now, look=look)

    def verdict(self, startup: Startup, now: float) -> str:
        """Why it is given up; empty while it may go on."""
        last = f" (last: {self.sign})" if self.sign else ""
        if now - self.began_at >= startup.deadline_seconds:
            return f"not ready within {startup.deadline_seconds:g} s{last}"
        if now - self.moved_at >= startup.progress_deadline_seconds:
            return f"not ready, and no progress for {startup.progress_deadline_seconds:g} s{last}"
        return ""

    def next_look(self, startup: Startup, now: float) -> float:
        """Seconds from now, at most until a deadline passes."""
        return max(
            0.0,
            min(
                _LOOK_SECONDS,
                startup.progress_deadline_seconds / _LOOKS_PER_DEADLINE,
                self.moved_at + startup.progress_deadline_seconds - now,
                self.began_at + startup.deadline_seconds - now,
            ),
        )


def _difference(before: Look, look: Look, seconds: float) -> str:
    """What has moved between two looks; empty for nothing. A counter that fell belongs to a child that has ended."""
    if look.line and look.line != before.line:
        return f"printed: {look.line}"
    if look.io_bytes - before.io_bytes >= _BYTES_PER_SECOND_AT_WORK * seconds:
        return "disk at work"
    if look.cpu_seconds - before.cpu_seconds >= _CORES_AT_WORK * seconds:
        return "CPU at work"
    return ""
