"""What a driver does before a start: it may take as long as an image takes to come, so it tells how it gets on."""

import asyncio
from collections.abc import Callable

from agent.drivers.driver import Driver, StartRefused, StartRequest
from agent.reconcile.progress import Progress
from homeport.core.workload import Startup

_TELL_SECONDS = 1.0


class Preparation:
    """`say(report)` gets the newest report, at most once a second."""

    def __init__(self, startup: Startup, say: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        self._startup = startup
        self._say = say
        self._monotonic = monotonic
        self._said = ""
        self._progress = Progress.begin(monotonic())

    async def run(self, driver: Driver, request: StartRequest) -> Progress:
        """How far it got. Raises StartRefused, also when nothing has moved for too long, and DriverUnavailable."""
        preparing = asyncio.create_task(driver.prepare(request, self._report))
        try:
            while not preparing.done():
                await asyncio.wait({preparing}, timeout=_TELL_SECONDS)
                self._tell()
                verdict = self._progress.verdict(self._startup, self._monotonic())
                if verdict and not preparing.done():
                    raise StartRefused(verdict)
            preparing.result()
            return self._progress
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)

    def _report(self, line: str) -> None:
        first = not self._progress.sign
        self._progress = self._progress.told(line, self._monotonic())
        if first:
            self._tell()

    def _tell(self) -> None:
        if self._progress.sign != self._said:
            self._said = self._progress.sign
            self._say(self._said)
