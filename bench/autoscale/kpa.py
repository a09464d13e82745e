"""Knative's pod autoscaler, as its documentation and settings describe it: the yardstick."""

from collections import deque
from dataclasses import asdict, dataclass
from math import ceil, floor

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply

_TICK_SECONDS = 2
_GRACE_SECONDS = 30.0
_PANIC_AT = 2.0
_MAX_SCALE_UP = 1000
_MAX_SCALE_DOWN = 2


@dataclass(frozen=True, slots=True)
class KpaSettings:
    """`utilisation` is the share of a replica's slots that is aimed at; times are seconds."""

    utilisation: float = 0.7
    stable_window: float = 60.0
    panic_window: float = 6.0
    scale_down_delay: float = 0.0

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


class Kpa:
    def __init__(self, settings: KpaSettings, slots: int) -> None:
        self._settings = settings
        self._target = slots * settings.utilisation
        self._stable: deque[tuple[float, int]] = deque()
        self._stable_sum = 0
        self._panic: deque[tuple[float, int]] = deque()
        self._panic_sum = 0
        self._panic_since: float | None = None
        self._most_in_panic = 0
        self._desired: deque[tuple[float, int]] = deque()
        self._zero_since: float | None = None
        self._count = 0

    def __call__(self, demand: Demand, supply: Supply, now: float) -> Decision:
        load = demand.in_flight + demand.queued
        if now == floor(now):
            self._observe(now, load)
        if now % _TICK_SECONDS == 0:
            self._count = self._decide(now, supply)
        if load and not self._count:
            self._count = 1  # the activator pokes at the first request
        return Decision(self._count, self._count, "concurrency", "", look_again_at=now + 1)

    def _observe(self, now: float, load: int) -> None:
        self._stable.append((now, load))
        self._stable_sum += load
        while self._stable[0][0] <= now - self._settings.stable_window:
            self._stable_sum -= self._stable.popleft()[1]
        self._panic.append((now, load))
        self._panic_sum += load
        while self._panic[0][0] <= now - self._settings.panic_window:
            self._panic_sum -= self._panic.popleft()[1]

    def _decide(self, now: float, supply: Supply) -> int:
        ready = max(1, supply.ready)
        low, high = floor(ready / _MAX_SCALE_DOWN), _MAX_SCALE_UP * ready
        stable = min(high, max(low, ceil(self._stable_sum / len(self._stable) / self._target)))
        panic = min(high, max(low, ceil(self._panic_sum / len(self._panic) / self._target)))
        desired = stable
        if panic / ready >= _PANIC_AT:
            if self._panic_since is None:
                self._most_in_panic = 0
            self._panic_since = now
        elif self._panic_since is not None and now - self._panic_since >= self._settings.stable_window:
            self._panic_since = None
        if self._panic_since is not None:
            desired = self._most_in_panic = max(self._most_in_panic, stable, panic)
        if not self._stable_sum:
            desired = 0
        if self._settings.scale_down_delay:
            desired = self._delayed(now, desired)
        return self._with_grace(now, desired)

    def _delayed(self, now: float, desired: int) -> int:
        """The most of the window. A value that is not above a later one cannot become it."""
        while self._desired and self._desired[-1][1] <= desired:
            self._desired.pop()
        self._desired.append((now, desired))
        while self._desired[0][0] <= now - self._settings.scale_down_delay:
            self._desired.popleft()
        return self._desired[0][1]

    def _with_grace(self, now: float, desired: int) -> int:
        if desired:
            self._zero_since = None
            return desired
        self._zero_since = now if self._zero_since is None else self._zero_since
        return 1 if self._count and now - self._zero_since < _GRACE_SECONDS else 0
