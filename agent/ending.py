"""How an agent's run ends: when it is asked to, or when a part of it fails."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable


class Ending:
    """SIGTERM or SIGINT ask for the end; the second one asks for it at once."""

    def __init__(self) -> None:
        self._asked, self._hurry = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._received)

    def _received(self) -> None:
        (self._hurry if self._asked.is_set() else self._asked).set()

    async def come(self, tasks: list[asyncio.Task[None]]) -> None:
        """Until somebody asks for it. A task that fails ends the agent, too: its supervisor starts a sound one."""
        waiting = asyncio.create_task(self._asked.wait())
        try:
            done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            waiting.cancel()

    async def unless_hurried(self, work: Awaitable[None]) -> None:
        hurried, working = asyncio.create_task(self._hurry.wait()), asyncio.ensure_future(work)
        await asyncio.wait({hurried, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (hurried, working):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
