"""Failures in a row of one replica: how long it waits for the next try, and what a person is told. Pure."""

from dataclasses import dataclass

from agent.backoff import backoff_seconds

_BASE_SECONDS = 1.0
_CAP_SECONDS = 60.0
_LOOP_AFTER = 5
# A life that was ready for this long was a good one: the next failure counts as the first.
GOOD_LIFE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Crashes:
    """Times are monotonic seconds."""

    count: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def after(self, ready_seconds: float, now: float) -> "Crashes":
        """One more failure, of a life that had been ready for so long."""
        if self.count == 0 or ready_seconds >= GOOD_LIFE_SECONDS:
            return Crashes(1, now, now)
        return Crashes(self.count + 1, self.first_at, now)

    def backoff(self, jitter: float) -> float:
        """Seconds until the next try; `jitter` is a random number in [0, 1)."""
        return backoff_seconds(self.count, _BASE_SECONDS, _CAP_SECONDS, jitter)

    def failed(self, problem: str, restart_in: float) -> str:
        """The reason while it waits."""
        return f"{self._loop()}, next try in {_duration(restart_in)}; last: {problem}" if self._loops else problem

    def starting(self, problem: str) -> str:
        """The reason during the next try."""
        return f"{self._loop()}, trying again: {problem or 'starting'}" if self._loops else problem

    @property
    def _loops(self) -> bool:
        return self.count >= _LOOP_AFTER

    def _loop(self) -> str:
        return f"crash loop: {self.count} failures in {_duration(self.last_at - self.first_at)}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(seconds / 3600)} h"
