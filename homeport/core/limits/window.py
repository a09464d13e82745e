"""What was used in the last minute."""

from collections import deque
from collections.abc import Iterable

SECONDS = 60.0
# What is used within one slot leaves the window together, when the last of it is a minute old.
_SLOT_SECONDS = 0.5
_LIFE = SECONDS + _SLOT_SECONDS

# [age in seconds, number] of each slot, as it is told to others, whose clocks are their own.
Slots = list[list[float]]


class SlidingWindow:
    """`now` is of one clock that never goes back, in seconds."""

    __slots__ = ("_slots", "_total")

    def __init__(self) -> None:
        self._slots: deque[list[float]] = deque()
        self._total = 0

    @classmethod
    def of(cls, slots: Iterable[Iterable[float]], now: float) -> "SlidingWindow":
        window = cls()
        for age, number in slots:
            window._slots.append([now - age, number])
            window._total += int(number)
        return window

    def add(self, number: int, now: float) -> None:
        """A negative number takes back what was added last: it has turned out to be less."""
        self._total += number
        if number < 0:
            self._take_back(-number)
        elif self._slots and now - self._slots[-1][0] < _SLOT_SECONDS:
            self._slots[-1][1] += number
        elif number:
            self._slots.append([now, number])

    def used(self, now: float) -> int:
        slots = self._slots
        while slots and now - slots[0][0] >= _LIFE:
            self._total -= int(slots.popleft()[1])
        return self._total

    def leaving(self, now: float) -> list[tuple[float, int]]:
        """(in how many seconds, how much) leaves, in order."""
        self.used(now)
        return [(since + _LIFE - now, int(number)) for since, number in self._slots]

    def slots(self, now: float) -> Slots:
        self.used(now)
        return [[round(now - since, 3), number] for since, number in self._slots]

    def _take_back(self, number: float) -> None:
        while number and self._slots:
            taken = min(number, self._slots[-1][1])
            self._slots[-1][1] -= taken
            number -= taken
            if not self._slots[-1][1]:
                self._slots.pop()
        # More than there is was used longer ago than a minute.
        self._total += int(number)
