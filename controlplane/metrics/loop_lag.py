"""How late this process gets to do what is due."""

import asyncio

from homeport.core.histogram import LAG_BOUNDS, Histogram

_SECONDS = 0.5


class LoopLag:
    def __init__(self) -> None:
        self.seconds = Histogram(LAG_BOUNDS)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _SECONDS
            await asyncio.sleep(_SECONDS)
            self.seconds.observe(max(0.0, loop.time() - due))
