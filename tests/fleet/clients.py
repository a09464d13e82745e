"""Clients of one host, in virtual time: requests that wait for a slot of a ready replica, run, and end."""

import asyncio
from collections import deque
from math import floor

from homeport.core.autoscale.demand import Demand
from tests.fleet.fleet import Host

_STEP_SECONDS = 0.25


class Clients:
    """`rate` requests a second, which may be changed at any time; each takes so many seconds, and a replica so many at
    once. `waits` are those of the requests that have begun."""

    def __init__(self, host: Host, service_seconds: float = 5.0, slots: int = 4) -> None:
        self.rate = 0.0
        self.waits: list[float] = []
        self._host = host
        self._service_seconds = service_seconds
        self._slots = slots
        self._due = 0.0
        self._arrivals = self._completions = 0
        self._waiting: deque[float] = deque()
        self._ends: list[float] = []

    @property
    def unserved(self) -> int:
        return len(self._waiting)

    def send(self, count: int) -> None:
        """At once."""
        now = asyncio.get_running_loop().time()
        self._arrivals += count
        self._waiting.extend([now] * count)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._due += self.rate * _STEP_SECONDS
            self.send(floor(self._due))
            self._due -= floor(self._due)
            self._serve(asyncio.get_running_loop().time())
            await asyncio.sleep(_STEP_SECONDS)

    def _serve(self, now: float) -> None:
        running = [end for end in self._ends if end > now]
        self._completions += len(self._ends) - len(running)
        free = self._slots * len(self._host.ready()) - len(running)
        for _ in range(min(free, len(self._waiting))):
            self.waits.append(now - self._waiting.popleft())
            running.append(now + self._service_seconds)
        self._ends = running
        oldest = now - self._waiting[0] if self._waiting else 0.0
        self._host.relay.demands["chat"] = Demand(
            len(running), len(self._waiting), None, self._arrivals, self._completions, oldest
        )
        if self._waiting and self._host.relay.on_demand is not None:
            self._host.relay.on_demand("chat")
