"""Traffic by the minute, from what the relay counts, looked at once a second."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from homeport.core.autoscale.demand import Demand
from homeport.core.history.traffic_minute import TrafficMinute

_LOOK_SECONDS = 1.0

Add = Callable[[str, float, TrafficMinute], None]


@dataclass(slots=True)
class _Count:
    """Of one deployment, in the present minute."""

    seen: Demand
    seen_at: float
    minute: TrafficMinute = field(default_factory=TrafficMinute)


class TrafficRecorder:
    """`demands()` gives the demand of each deployment on this node; `add(deployment_id, minute, traffic)` gets each
    minute in which there was any, once it is over. `monotonic` times requests, `wall` says which minute it is."""

    def __init__(
        self,
        demands: Callable[[], Iterable[tuple[str, Demand]]],
        add: Add,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._demands = demands
        self._add = add
        self._monotonic = monotonic
        self._wall = wall
        self._minute = _minute_of(wall())
        self._counts: dict[str, _Count] = {}

    async def run(self) -> None:
        """Until cancelled; then the minute that has begun is told as far as it got."""
        try:
            while True:
                self.look()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._tell()

    def look(self) -> None:
        now, minute = self._monotonic(), _minute_of(self._wall())
        if minute != self._minute:
            self._tell()
            self._minute = minute
        for deployment_id, demand in self._demands():
            count = self._counts.get(deployment_id)
            if count is None or demand.arrivals < count.seen.arrivals:
                # New here, or here again: its counters began anew, at 0.
                count = self._counts[deployment_id] = _Count(Demand(), now, count.minute if count else TrafficMinute())
            if demand != count.seen or demand.in_flight or demand.queued:
                count.minute = _with_second(count, demand, now - count.seen_at)
            count.seen, count.seen_at = demand, now

    def _tell(self) -> None:
        for deployment_id, count in list(self._counts.items()):
            if not count.minute.is_silent:
                self._add(deployment_id, float(self._minute), count.minute)
                count.minute = TrafficMinute()
            elif self._monotonic() - count.seen_at > 2 * _LOOK_SECONDS:
                del self._counts[deployment_id]  # it has left


def _with_second(count: _Count, demand: Demand, seconds: float) -> TrafficMinute:
    """A request is taken to have waited for all of the second at whose end it waits: on average that is right."""
    minute, arrivals = count.minute, demand.arrivals - count.seen.arrivals
    answered = demand.answered - count.seen.answered
    return TrafficMinute(
        minute.arrivals + arrivals,
        minute.completions + answered,
        round(minute.busy_seconds + demand.answered_seconds - count.seen.answered_seconds, 6),
        round(minute.waiting_seconds + demand.queued * seconds, 3),
        max(minute.peak_requests, demand.in_flight + demand.queued, int(arrivals > 0)),
        max(minute.peak_arrivals, arrivals),
        minute.tokens + demand.tokens - count.seen.tokens,
    )


def _minute_of(wall: float) -> int:
    return int(wall // 60) * 60
