"""Tells where the time of one start goes."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from homeport.core.history.cold_start import StartParts


class Part(StrEnum):
    IMAGE = "image_seconds"
    CREATE = "create_seconds"
    LOAD = "load_seconds"
    WARM_UP = "warm_up_seconds"


class StartClock:
    """`parts` is what is known up to the last change of part. Begins with what comes before the image."""

    def __init__(self, parts: StartParts, monotonic: Callable[[], float]) -> None:
        self.parts = parts
        self._monotonic = monotonic
        self._part = Part.CREATE
        self._since = monotonic()

    @classmethod
    def of_one_found(cls, parts: StartParts, ran_for: float, monotonic: Callable[[], float]) -> "StartClock":
        """Of a start that another agent began; it has run for that many seconds."""
        clock = cls(parts, monotonic)
        clock._part, clock._since = Part.LOAD, monotonic() - max(0.0, ran_for)
        return clock

    def turn_to(self, part: Part, at: float | None = None) -> float:
        """Time is this part's from here on, or since `at`. Returns the seconds of the part that ended."""
        end = self._monotonic() if at is None else max(self._since, at)
        seconds = end - self._since
        self.parts = replace(self.parts, **{self._part: round(getattr(self.parts, self._part) + seconds, 6)})
        self._part, self._since = part, end
        return seconds

    def count_engine(self, seconds: float) -> None:
        """Of the part that ended: an engine's."""
        self.parts = replace(self.parts, engine_seconds=round(self.parts.engine_seconds + seconds, 6))

    @property
    def ran_seconds(self) -> float:
        """Since it runs: what is load and warm-up."""
        return self.parts.load_seconds + self.parts.warm_up_seconds
