"""Why there are so many replicas: each change of the count, and each that was held back, folded."""

from collections.abc import Callable
from dataclasses import dataclass

from homeport.core.autoscale.decision import Decision
from homeport.core.history.scaling_change import ScalingChange

# A change that is held back, let go, and held back again within this time is one. One that is held for long is told
# again and again.
_QUIET_SECONDS = 60.0
_LONGEST_SECONDS = 3600.0

Add = Callable[[str, float, ScalingChange], None]


@dataclass(slots=True)
class _Held:
    """`decision` is the one that was furthest from what was wanted. `stands`: nothing else was decided since, so
    that it holds until something is, however long nobody asks."""

    since: float
    until: float
    decision: Decision
    stands: bool = True

    def take(self, decision: Decision, now: float) -> None:
        self.until, self.stands = now, True
        if _distance(decision) > _distance(self.decision):
            self.decision = decision

    def let_go(self, now: float) -> None:
        if self.stands:
            self.until, self.stands = now, False

    def is_over(self, now: float) -> bool:
        return not self.stands and now - self.until > _QUIET_SECONDS

    def goes_on(self, decision: Decision, now: float) -> bool:
        same = (self.decision.replicas, self.decision.driver) == (decision.replicas, decision.driver)
        return same and not self.is_over(now) and now - self.since < _LONGEST_SECONDS


class ScalingRecorder:
    """`add(deployment_id, time, change)` gets what is to be kept; `wall` gives unix seconds."""

    def __init__(self, add: Add, wall: Callable[[], float]) -> None:
        self._add = add
        self._wall = wall
        self._held: dict[str, _Held] = {}

    def decided(self, deployment_id: str, before: int, decision: Decision) -> None:
        """After each decision of the autoscaler."""
        now = self._wall()
        held = self._held.get(deployment_id)
        changed = decision.replicas != before
        holds = not changed and _is_held_back(decision)
        if held is not None and (changed or held.is_over(now) or (holds and not held.goes_on(decision, now))):
            self._end(deployment_id, now)
            held = None
        if changed:
            self._add(deployment_id, now, _change(before, decision))
        elif holds and held is not None:
            held.take(decision, now)
        elif holds:
            self._held[deployment_id] = _Held(now, now, decision)
        elif held is not None:
            held.let_go(now)

    def forget(self, deployment_id: str) -> None:
        """It has left this node."""
        if deployment_id in self._held:
            self._end(deployment_id, self._wall())

    def close(self) -> None:
        """This agent ends."""
        for deployment_id in list(self._held):
            self._end(deployment_id, self._wall())

    def _end(self, deployment_id: str, now: float) -> None:
        held = self._held.pop(deployment_id)
        held.let_go(now)
        self._add(deployment_id, held.since, _change(held.decision.replicas, held.decision, held.until))


def _is_held_back(decision: Decision) -> bool:
    """That a minimum (or a schedule) keeps more than traffic needs is no news."""
    return decision.wanted > decision.replicas or decision.driver == "hold"


def _distance(decision: Decision) -> int:
    return abs(decision.wanted - decision.replicas)


def _change(before: int, decision: Decision, held_until: float = 0.0) -> ScalingChange:
    inputs = {name: round(value, 3) for name, value in decision.inputs.items()}
    return ScalingChange(
        before, decision.replicas, decision.wanted, decision.driver, decision.reason, inputs, held_until
    )
