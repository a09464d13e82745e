"""What it means that a node lacks room for a deployment: after a while its budget goes elsewhere, and stays there."""

from dataclasses import dataclass, replace
from math import ceil

# What was told is true for so long.
LIFE_SECONDS = 30.0
# So long it must last before anything moves, and again before more does.
SUSTAINED_SECONDS = 10.0
# For so long the node gets no more than it could use; twice as long when it is soon the same again.
RELIEF_SECONDS = 300.0
_LONGEST_RELIEF_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """Of one deployment on one node, by one clock: `value` replicas that it lacks there, `since` then, as was told last
    at `told_at`. It gets no more than `cap` there before `until`; None = as many as fit."""

    value: float = 0.0
    since: float = 0.0
    told_at: float = 0.0
    cap: int | None = None
    until: float = 0.0
    relief: float = RELIEF_SECONDS


def heard(before: Pressure, value: float, now: float) -> Pressure:
    """The node has told that it lacks so many; 0 = none."""
    goes_on = before.value > 0 and now - before.told_at <= LIFE_SECONDS
    return replace(before, value=value, since=before.since if goes_on else now, told_at=now)


def relieved(before: Pressure, held: int, now: float) -> Pressure:
    """`held` is the maximum that the node has now: what it can't use is taken from it."""
    after = replace(before, cap=None) if before.cap is not None and now >= before.until else before
    lasts = after.value > 0 and now - after.told_at <= LIFE_SECONDS and now - after.since >= SUSTAINED_SECONDS
    if not lasts or held <= 0:
        return after
    again = before.until > 0 and now < before.until + before.relief
    relief = min(2 * before.relief, _LONGEST_RELIEF_SECONDS) if again else RELIEF_SECONDS
    return replace(after, since=now, cap=max(0, held - ceil(after.value)), until=now + relief, relief=relief)


def cap_of(pressure: Pressure, now: float) -> int | None:
    return pressure.cap if now < pressure.until else None


def is_over(pressure: Pressure, now: float) -> bool:
    """Whether nothing of it matters any more."""
    is_told = pressure.value > 0 and now - pressure.told_at <= LIFE_SECONDS
    return not is_told and (pressure.until == 0.0 or now >= pressure.until + pressure.relief)
