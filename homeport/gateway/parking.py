"""Requests for which no node is connected. They wait, in bounded number, and in no promised order."""

import asyncio
from collections.abc import Callable
from typing import Protocol

MAX_PARKED = 1024


class Parked(Protocol):
    def on_unparked(self) -> None:
        """A node came or went: try again."""

    def on_parking_over(self) -> None:
        """It has waited long enough."""


class ParkingLot:
    """`on_first(deployment_id)` is called when somebody begins to wait for a deployment that nobody waited for."""

    def __init__(self, on_first: Callable[[str], None]) -> None:
        self._on_first = on_first
        self._waiting: dict[str, dict[Parked, asyncio.TimerHandle]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def park(self, deployment_id: str, request: Parked, seconds: float) -> bool:
        """False when the lot is full."""
        if self._count >= MAX_PARKED:
            return False
        timer = asyncio.get_running_loop().call_later(seconds, self._over, deployment_id, request)
        is_first = deployment_id not in self._waiting
        self._waiting.setdefault(deployment_id, {})[request] = timer
        self._count += 1
        if is_first:
            self._on_first(deployment_id)
        return True

    def leave(self, deployment_id: str, request: Parked) -> None:
        waiting = self._waiting.get(deployment_id, {})
        timer = waiting.pop(request, None)
        if timer is not None:
            timer.cancel()
            self._count -= 1
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
