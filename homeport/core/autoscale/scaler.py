"""The policy: one object for each deployment on a node, asked once a second and whenever a request starts to wait."""

from math import ceil, inf

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import UNKNOWN_START_SECONDS, Demand, Supply, Terms
from homeport.core.autoscale.levels import Delays, Levels
from homeport.core.autoscale.traffic import Traffic


class Scaler:
    """Remembers what it has seen; has no clock. `replicas` is the count that was decided last."""

    def __init__(self, replicas: int = 0) -> None:
        self.replicas = replicas
        self._traffic = Traffic()
        self._levels: Levels | None = None
        # When a request was last seen; None = not yet.
        self._busy_at: float | None = None
        # Since when more than those are wanted; None = they are not.
        self._above_since: float | None = None

    def decide(self, demand: Demand, supply: Supply, terms: Terms, now: float) -> Decision:
        """Always inside the budget, whatever else is asked for. `now` never goes back.

        Wanted are as many replicas as the load will need when one that is ordered now is ready, and those that are
        worth keeping until they are needed again.
        """
        scaling, traffic = terms.scaling, self._traffic
        start_seconds = UNKNOWN_START_SECONDS if supply.start_seconds is None else supply.start_seconds
        delays = Delays(scaling.scale_down_delay_seconds, scaling.scale_to_zero_delay_seconds)
        if self._levels is None:
            # What was found running was of use until now: history is lost, and nothing stops for that.
            self._levels = Levels(self.replicas, now)
        traffic.note(demand, scaling.traffic_history_seconds, now)
        ahead = traffic.replicas_ahead(terms.concurrency, supply.ready, start_seconds)
        driver, signalled = _most_asked_for(terms)
        if ahead >= signalled:
            driver = "concurrency"
        self._learn(max(traffic.replicas_now(terms.concurrency), signalled), terms, start_seconds, now)
        # Who wants a peak to last before it counts does not want to be ready for the next one either.
        lead = inf if scaling.scale_up_delay_seconds else start_seconds
        held = self._levels.held(self.replicas, now, lead, delays)
        if self._is_idle(delays.to_zero, now):
            ahead = held = 0
        wanted = max(ahead, signalled, held)
        if held > max(ahead, signalled):
            driver = "hold"

        look_again_at: float | None = None
        if traffic.load or max(ahead, signalled):
            look_again_at = now + 1
        elif held:
            look_again_at = self._levels.held_until(held, now, delays)
        replicas = wanted
        due = self._delayed_until(wanted, scaling.scale_up_delay_seconds, now)
        if due is not None:
            replicas, driver = self.replicas, "scale_up_delay"
            look_again_at = min(due, look_again_at or due)
        low, high = terms.budget
        if replicas < low:
            replicas, driver = low, "min_replicas"
        elif replicas > high:
            replicas, driver = high, "max_replicas"
        self.replicas = replicas
        inputs = {
            "in_flight": demand.in_flight,
            "queued": demand.queued,
            "oldest_wait_seconds": round(demand.oldest_wait_seconds, 1),
            "requests_per_second": round(traffic.rate, 3),
            "service_seconds": round(traffic.service_seconds, 3),
            "start_seconds": round(start_seconds, 1),
            "ready": supply.ready,
            "starting": supply.starting,
            "ahead": ahead,
            "held": held,
            **{name: signal.observed for name, signal in terms.signals.items()},
        }
        return Decision(replicas, wanted, driver, _reason(driver, wanted), inputs, look_again_at)

    def _is_idle(self, delay: float | None, now: float) -> bool:
        """For as long as was named: then whatever may be expected is not worth a replica."""
        if self._busy_at is None or self._traffic.load or self._traffic.arrivals:
            self._busy_at = now
        return delay is not None and now - self._busy_at >= delay

    def _learn(self, used: int, terms: Terms, start_seconds: float, now: float) -> None:
        traffic, levels = self._traffic, self._levels
        assert levels is not None
        levels.use(used, now, start_seconds, terms.scaling.late_price_seconds)
        if traffic.arrivals:
            per_replica = traffic.per_replica(terms.concurrency)
            levels.took(traffic.arrivals, traffic.load, per_replica, now, start_seconds)

    def _delayed_until(self, wanted: int, delay: float, now: float) -> float | None:
        """None: not delayed. From zero never: somebody waits, and a delay would only add to the cold start."""
        if wanted <= self.replicas or not self.replicas:
            self._above_since = None
            return None
        self._above_since = now if self._above_since is None else self._above_since
        due = self._above_since + delay
        if now < due:
            return due
        self._above_since = None
        return None


def _most_asked_for(terms: Terms) -> tuple[str, int]:
    """The signal that asks for most replicas, and how many."""
    name, replicas = "concurrency", 0
    for each, signal in terms.signals.items():
        if (asked := ceil(signal.observed / signal.target)) > replicas:
            name, replicas = each, asked
    return name, replicas


_REASONS = {
    "hold": "kept, since it is likely to be needed again soon",
    "scale_up_delay": "the scale-up delay is not over",
    "min_replicas": "the budget's minimum",
    "max_replicas": "the budget's maximum",
}


def _reason(driver: str, wanted: int) -> str:
    return _REASONS.get(driver) or f"{driver} asks for {wanted}"
