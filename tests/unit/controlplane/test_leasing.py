"""Leases of a gateway whose feeder may be there while the control plane is not."""

import asyncio
from collections.abc import Mapping
from typing import Any

from controlplane.gateway.leasing import Leasing

PATIENCE = 60


class Limiter:
    """What happens to the real one."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.on_ask: Any = None
        self.must_ask = False

    def connected(self) -> None:
        self.events.put_nowait("connected")

    def cut_off(self) -> None:
        self.events.put_nowait("cut off")

    def report(self) -> None:
        return None


async def _say(message: Mapping[str, Any]) -> None: ...


async def test_it_borrows_while_somebody_lends() -> None:
    limiter = Limiter()
    leasing = Leasing(limiter)  # type: ignore[arg-type]
    telling = asyncio.create_task(leasing.tell(_say))
    async with asyncio.timeout(PATIENCE):
        assert await limiter.events.get() == "connected"
        leasing.set_linked(False)
        assert await limiter.events.get() == "cut off"
        leasing.set_linked(True)
        assert await limiter.events.get() == "connected"
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert await limiter.events.get() == "cut off"
