"""The shape of Kubernetes' horizontal pod autoscaler: a yardstick that never stops the last replica."""

from collections import deque
from math import ceil

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply

_SYNC_SECONDS = 15
_TOLERANCE = 0.1
_STABILISATION_SECONDS = 300.0
_UTILISATION = 0.7
_MOST_ADDED = 4


class Hpa:
    def __init__(self, slots: int) -> None:
        self._target = slots * _UTILISATION
        self._recommended: deque[tuple[float, int]] = deque()
        self._count = 1

    def __call__(self, demand: Demand, supply: Supply, now: float) -> Decision:
        if now % _SYNC_SECONDS == 0:
            self._count = self._decide(demand.in_flight + demand.queued, supply, now)
        return Decision(self._count, self._count, "concurrency", "", look_again_at=now + 1)

    def _decide(self, load: int, supply: Supply, now: float) -> int:
        ratio = load / self._target / max(1, supply.ready)
        wanted = self._count if abs(ratio - 1) <= _TOLERANCE else ceil(load / self._target)
        self._recommended.append((now, max(1, wanted)))
        while self._recommended[0][0] <= now - _STABILISATION_SECONDS:
            self._recommended.popleft()
        stable = max(count for _, count in self._recommended)
        return min(stable, max(2 * self._count, self._count + _MOST_ADDED))
