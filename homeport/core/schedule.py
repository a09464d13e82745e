"""When more replicas are kept than traffic asks for. Pure: the time comes in as the local one of the entry."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_DAY = timedelta(days=1)
# Of a cron line: minute, hour, day of the month, month, day of the week (0 and 7 = Sunday).
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_WORDS = ("minute", "hour", "day", "month", "weekday")
_NAMES = {
    3: ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    4: ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}


@dataclass(frozen=True, slots=True)
class ScheduledMin:
    """At least so many replicas, at these times: in each minute that `cron` matches; else from `starts` to `ends`, both
    minutes of the day, on `days` (0 = Monday; none = all). A span that passes midnight belongs to the day on which it
    begins, and one from a minute to the same is a whole day."""

    min_replicas: int
    timezone: str = "UTC"
    days: tuple[int, ...] = ()
    starts: int = 0
    ends: int = 0
    cron: str = ""

    def holds(self, local: datetime) -> bool:
        if self.cron:
            return matches(self.cron, local)
        minute = local.hour * 60 + local.minute
        if self.starts < self.ends:
            return self.starts <= minute < self.ends and self._is_on(local)
        return (minute >= self.starts and self._is_on(local)) or (minute < self.ends and self._is_on(local - _DAY))

    def _is_on(self, day: datetime) -> bool:
        return not self.days or day.weekday() in self.days


def scheduled(entries: Iterable[ScheduledMin], local: Callable[[str], datetime]) -> int:
    """The most that any entry asks for now. `local` tells the time of a time zone."""
    return max((entry.min_replicas for entry in entries if entry.holds(local(entry.timezone))), default=0)


def shares(wanted: int, budgets: Sequence[tuple[int, int]]) -> list[int]:
    """How many of `wanted` replicas each of these (min, max) keeps: its minimum, and then as much as fits, in order."""
    kept = [low for low, _ in budgets]
    left = wanted - sum(kept)
    for index, (low, high) in enumerate(budgets):
        more = max(0, min(left, high - low))
        kept[index] += more
        left -= more
    return kept


def matches(cron: str, local: datetime) -> bool:
    """Whether the minute is one of the line's. As cron does: where both kinds of day are restricted, either will do.
    Raises ValueError that says what is wrong with the line."""
    minute, hour, day, month, weekday = _fields(cron)
    fields = cron.split()
    on_day, on_weekday = local.day in day, local.isoweekday() % 7 in weekday
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    is_day = on_day or on_weekday if either else on_day and on_weekday
    return local.minute in minute and local.hour in hour and local.month in month and is_day


@lru_cache(256)
def _fields(cron: str) -> list[frozenset[int]]:
    fields = cron.lower().split()
    if len(fields) != len(_RANGES):
        raise ValueError(f"{cron!r} has {len(fields)} fields: minute, hour, day, month, weekday are needed")
    return [_field(text, index) for index, text in enumerate(fields)]


def _field(text: str, index: int) -> frozenset[int]:
    lowest, highest = _RANGES[index]
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            low, high = lowest, highest
        else:
            low = _number(first, index)
            high = _number(last, index) if last else highest if step else low
        every = int(step) if step.isdigit() else 0 if "/" in part else 1
        if not lowest <= low <= high <= highest or every < 1:
            raise ValueError(f"{part!r} is no part of a cron line's {_WORDS[index]}: {lowest} to {highest}")
        found.update(range(low, high + 1, every))
    if index == 4 and 7 in found:
        found.add(0)
    return frozenset(found)


def _number(text: str, index: int) -> int:
    names = _NAMES.get(index, ())
    if text in names:
        return names.index(text) + (1 if index == 3 else 0)
    return int(text) if text.isdigit() else -1
