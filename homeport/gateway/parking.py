"""Requests for which no node is connected. They wait, in bounded number, and in no promised order."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from homeport.core.tenant_lines import TenantLines

MAX_PARKED = 1024


class Parked(Protocol):
    def on_unparked(self) -> None:
        """A node came or went: try again."""

    def on_parking_over(self) -> None:
        """It has waited long enough."""

    def on_parking_full(self) -> None:
        """It gives way to somebody of whom fewer wait."""


class ParkingLot:
    """`on_first(deployment_id)` is called when somebody begins to wait for a deployment that nobody waited for."""

    def __init__(self, on_first: Callable[[str], None], most: int = MAX_PARKED) -> None:
        self._on_first = on_first
        self._most = most
        self._waiting: dict[str, dict[Parked, asyncio.TimerHandle]] = {}
        self._places: dict[Parked, str] = {}
        self._lines: TenantLines[Parked] = TenantLines()

    def __len__(self) -> int:
        return len(self._places)

    def park(self, deployment_id: str, request: Parked, tenant: str, seconds: float) -> bool:
        """False when the lot is full, and nobody has more of it than the tenant."""
        if len(self) >= self._most:
            displaced = self._lines.give_way(tenant)
            if displaced is None:
                return False
            self._release(self._places[displaced], displaced, displaced.on_parking_full)
        timer = asyncio.get_running_loop().call_later(seconds, self._over, deployment_id, request)
        is_first = deployment_id not in self._waiting
        self._waiting.setdefault(deployment_id, {})[request] = timer
        self._places[request] = deployment_id
        self._lines.put(request, tenant)
        if is_first:
            self._on_first(deployment_id)
        return True

    def leave(self, deployment_id: str, request: Parked) -> None:
        waiting = self._waiting.get(deployment_id, {})
        timer = waiting.pop(request, None)
        if timer is not None:
            timer.cancel()
            del self._places[request]
            self._lines.leave(request)
            if not waiting:
                del self._waiting[deployment_id]

    def wake(self, deployment_id: str) -> None:
        for request in list(self._waiting.get(deployment_id, {})):
            self._release(deployment_id, request, request.on_unparked)

    def _over(self, deployment_id: str, request: Parked) -> None:
        self._release(deployment_id, request, request.on_parking_over)

    def _release(self, deployment_id: str, request: Parked, then: Callable[[], None]) -> None:
        self.leave(deployment_id, request)
        then()
