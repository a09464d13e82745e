"""The policy: one object for each deployment on a node, asked once a second and whenever a request starts to wait."""

from math import ceil

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.policy import Scaling


class Scaler:
    """Remembers what it has seen; has no clock. `replicas` is the count that was decided last."""

    def __init__(self, replicas: int = 0) -> None:
        self.replicas = replicas
        # Since when more (fewer) than those are wanted; None = they are not.
        self._above_since: float | None = None
        self._below_since: float | None = None

    def decide(self, demand: Demand, supply: Supply, terms: Terms, now: float) -> Decision:
        """Always inside the budget, whatever else is asked for. `now` never goes back."""
        wanted, driver = _asked_for(demand, terms)
        inputs = _inputs(demand, supply, terms)
        low, high = terms.budget
        replicas, look_again_at = self.replicas, None
        if self.replicas < low:
            replicas, driver, reason = low, "min_replicas", f"budget minimum is {low}"
        elif self.replicas > high:
            replicas, driver, reason = high, "max_replicas", f"budget maximum is {high}"
        elif (bounded := max(low, min(high, wanted))) > self.replicas:
            # Nothing runs and somebody waits: a delay would only add to the cold start.
            delay = 0.0 if self.replicas == 0 else terms.scaling.scale_up_delay_seconds
            self._above_since = now if self._above_since is None else self._above_since
            due = self._above_since + delay
            if now >= due:
                replicas, reason = bounded, f"{driver} asks for {wanted}"
            else:
                driver, reason, look_again_at = "scale_up_delay", "scale-up delay", due
        elif bounded < self.replicas:
            replicas, driver, reason, look_again_at = self._shrink(terms.scaling, bounded, driver, demand, now)
        else:
            reason = "load fits"
        self._forget_delays(replicas, bounded=max(low, min(high, wanted)))
        self.replicas = replicas
        return Decision(replicas, wanted, driver, reason, inputs, look_again_at)

    def _shrink(
        self, scaling: Scaling, wanted: int, driver: str, demand: Demand, now: float
    ) -> tuple[int, str, str, float | None]:
        self._below_since = since = now if self._below_since is None else self._below_since
        due = since + scaling.scale_down_delay_seconds
        floor = max(wanted, 1)
        if floor < self.replicas:
            if now >= due:
                return floor, driver, "scale-down delay is over", None
            return self.replicas, "scale_down_delay", "scale-down delay", due
        last = demand.last_request_at if demand.last_request_at is not None else since
        idle_until = max(last, since) + scaling.scale_to_zero_delay_seconds
        if now >= idle_until:
            return 0, driver, f"idle for {scaling.scale_to_zero_delay_seconds:g} s", None
        return self.replicas, "scale_to_zero_delay", "scale-to-zero delay", idle_until

    def _forget_delays(self, replicas: int, bounded: int) -> None:
        if replicas != self.replicas or bounded <= replicas:
            self._above_since = None
        if bounded >= replicas:
            self._below_since = None


def _asked_for(demand: Demand, terms: Terms) -> tuple[int, str]:
    """How many replicas traffic and signals ask for, and the name of the one that asks for most."""
    asked = {"concurrency": ceil((demand.in_flight + demand.queued) / terms.concurrency)}
    asked |= {name: ceil(signal.observed / signal.target) for name, signal in terms.signals.items()}
    driver = max(asked, key=lambda name: asked[name])
    return asked[driver], driver


def _inputs(demand: Demand, supply: Supply, terms: Terms) -> dict[str, float]:
    return {
        "in_flight": demand.in_flight,
        "queued": demand.queued,
        "oldest_wait_seconds": demand.oldest_wait_seconds,
        "ready": supply.ready,
        "starting": supply.starting,
        **{name: signal.observed for name, signal in terms.signals.items()},
    }
