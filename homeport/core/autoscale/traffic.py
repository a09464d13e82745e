"""How many replicas the requests ask for: those that are there, and those to be expected."""

from math import ceil, sqrt

from homeport.core.autoscale.arrival_rate import ArrivalRate
from homeport.core.autoscale.demand import Demand
from homeport.core.autoscale.forecast import load_ahead
from homeport.core.autoscale.lateness import LATE_SECONDS
from homeport.core.autoscale.service_time import ServiceTime

# Fewer requests at a time, on the average, are no steady traffic: between them the gaps say what is kept.
_STEADY_LOAD = 1.0
# How much of the usual swing around the steady load (its square root) gets room of its own.
_SWING = 0.7
_SHORTEST_SERVICE_SECONDS = 0.001
_ROUNDING = 1e-9


class Traffic:
    """`load` is what is there, working and waiting; `rate` is requests per second."""

    def __init__(self) -> None:
        self.load = 0
        # Since the last look.
        self.arrivals = 0
        self.rate = 0.0
        self.service_seconds = 0.0
        self._arrival_rate: ArrivalRate | None = None
        self._service_time = ServiceTime()
        self._total = 0

    def note(self, demand: Demand, history_seconds: float, now: float) -> None:
        rate = self._arrival_rate
        if rate is None or rate.history_seconds != int(history_seconds):
            rate = self._arrival_rate = ArrivalRate(int(history_seconds))
        rate.note(now, demand.arrivals)
        self._service_time.note(now, demand.in_flight, demand.completions)
        self.load = demand.in_flight + demand.queued
        self.arrivals, self._total = demand.arrivals - self._total, demand.arrivals
        self.rate = rate.per_second()
        self.service_seconds = max(_SHORTEST_SERVICE_SECONDS, self._service_time.seconds)

    @property
    def steady_load(self) -> float:
        return self.rate * self.service_seconds

    def per_replica(self, slots: float) -> float:
        """Requests that one replica takes without any being late, when they come at once."""
        return slots * (1 + LATE_SECONDS / self.service_seconds)

    def replicas_now(self, slots: float) -> int:
        return self._replicas(self.load, slots)

    def replicas_ahead(self, slots: float, ready: int, seconds: float) -> int:
        """With nothing started or stopped meanwhile."""
        return self._replicas(load_ahead(self.load, ready * slots, self.rate, self.service_seconds, seconds), slots)

    def _replicas(self, load: float, slots: float) -> int:
        """Enough slots for the steady load and its usual swing, and for what is there to wait no longer than it may."""
        steady = self.steady_load
        if not self.load and not self.arrivals and steady <= _STEADY_LOAD:
            return 0
        needed = max((steady + _SWING * sqrt(steady)) / slots, load / self.per_replica(slots))
        return max(1, ceil(needed - _ROUNDING))
