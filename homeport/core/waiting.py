"""How long a request that waits still has to wait, as far as anybody can tell. Pure; all durations are seconds."""

from dataclasses import dataclass

# Promised for a model that has not been started here yet: who waits may well ask again too early.
_PROMISED_SECONDS = 15.0
# What has taken longer than usual takes this part of its time more.
_OVERDUE = 0.25


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of a deployment on a node. `starting`: for how long each replica that is not ready has been starting; negative
    for one that will be started after that time. `start_seconds`: what a start takes; None = not known."""

    ready: int = 0
    starting: tuple[float, ...] = ()
    start_seconds: float | None = None


def seconds_to_wait(outlook: Outlook, concurrency: int, service_seconds: float, ahead: int) -> float:
    """Of a request that has `ahead` of it in the queue, when a replica takes `concurrency` at once, and each of those
    takes `service_seconds`."""
    start = _PROMISED_SECONDS if outlook.start_seconds is None else outlook.start_seconds
    if outlook.ready:
        return service_seconds * (ahead + 1) / (outlook.ready * concurrency)
    first = min((_left(start, elapsed) for elapsed in outlook.starting), default=start)
    return first + service_seconds * (ahead // (max(1, len(outlook.starting)) * concurrency))


def _left(start: float, elapsed: float) -> float:
    return max(start - elapsed, _OVERDUE * elapsed)


def in_round_numbers(seconds: float) -> int:
    """Whole seconds that claim no more than is known; at least 1."""
    step = 1 if seconds <= 10 else 5 if seconds <= 60 else 30
    return max(1, step * round(seconds / step))
