"""Emptying a node: until when its replicas wait for others to take over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drain:
    """Times are unix seconds. `force`: what is left at the deadline goes, whoever misses it. Without it the deadline is
    when a person is told that it takes too long."""

    since: float
    deadline_at: float
    force: bool = False
    reason: str = ""

    def is_overdue(self, now: float) -> bool:
        return now >= self.deadline_at

    def lets_go(self, now: float) -> bool:
        return self.force and self.is_overdue(now)
