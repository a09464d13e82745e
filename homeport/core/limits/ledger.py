"""What was used on which day, counted exactly once: who reports says all that it has counted since it began, and what
of that is here already is remembered beside it."""

from collections.abc import Iterable, Mapping
from typing import Any

from homeport.core.limits.limits import Counted, Meter, Period
from homeport.core.limits.report import Counts

# As the current and the last month need them; older days are one sum.
_DAYS = 62
# Of those who report: for so many days what is here of them is remembered.
_MARKED_DAYS = 45


class TokenLedger:
    """Of one access token."""

    __slots__ = ("_before", "_days", "_marks")

    def __init__(self, plain: Mapping[str, Any] | None = None) -> None:
        given = plain or {}
        self._before: Counts = list(given.get("before", (0, 0, 0)))
        self._days: dict[str, Counts] = {day: list(counts) for day, counts in given.get("days", {}).items()}
        # By who reports: its boot, and by day what is here of it.
        self._marks: dict[str, tuple[str, dict[str, Counts]]] = {
            member: (boot, {day: list(counts) for day, counts in days.items()})
            for member, (boot, days) in given.get("marks", {}).items()
        }

    def plain(self) -> dict[str, Any]:
        """For JSON; shares nothing with the ledger."""
        return {
            "before": list(self._before),
            "days": {day: list(counts) for day, counts in self._days.items()},
            "marks": {
                member: [boot, {day: list(counts) for day, counts in days.items()}]
                for member, (boot, days) in self._marks.items()
            },
        }

    def take(self, member: str, boot: str, told: Mapping[str, Counts]) -> Counts:
        """What of it is new, all days together."""
        before_boot, marks = self._marks.get(member, ("", {}))
        if before_boot != boot:
            marks = {}
        new = [0, 0, 0]
        for day, counts in told.items():
            known = marks.get(day, (0, 0, 0))
            mine = self._days.setdefault(day, [0, 0, 0])
            for index, count in enumerate(counts):
                mine[index] += count - known[index]
                new[index] += count - known[index]
            marks[day] = list(counts)
        if told:
            self._marks[member] = boot, dict(sorted(marks.items())[-_MARKED_DAYS:])
            self._fold()
        return new

    def used(self, meter: Meter, today: str) -> int:
        """Of a budget, in the period that `today` is in."""
        match meter.period:
            case Period.DAY:
                days: Iterable[Counts] = (self._days.get(today, [0, 0, 0]),)
            case Period.MONTH:
                days = (counts for day, counts in self._days.items() if day[:7] == today[:7])
            case Period.TOTAL:
                days = (self._before, *self._days.values())
        return sum(number_of(meter.counts, counts) for counts in days)

    def _fold(self) -> None:
        for day in sorted(self._days)[:-_DAYS]:
            for index, count in enumerate(self._days.pop(day)):
                self._before[index] += count


def number_of(counted: Counted, counts: Counts) -> int:
    return counts[0] if counted is Counted.REQUESTS else counts[1] + counts[2]
