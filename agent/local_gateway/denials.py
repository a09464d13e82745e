"""What this site's gateway denied to whom: into the agent's log at once, and to the control plane's audit log."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from homeport.gateway.callers.denial import Denial
from homeport.gateway.callers.waiting_denials import WaitingDenials

log = structlog.get_logger()

_TELL_SECONDS = 1.0


class SiteDenials:
    """`takes()`: there is a control plane that takes them; then `tell` gets what has waited for it. `wall` gives unix
    seconds."""

    def __init__(
        self, takes: Callable[[], bool], tell: Callable[[list[Denial]], bool], wall: Callable[[], float] = time.time
    ) -> None:
        self._takes = takes
        self._tell = tell
        self._wall = wall
        self._waiting = WaitingDenials(time.monotonic)

    def note(self, denial: Denial) -> None:
        log.info("denied", token=denial.token_id, address=denial.address, request=denial.request, code=denial.code)
        self._waiting.note(replace(denial, time=self._wall()))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            self.look()

    def look(self) -> None:
        if self._takes() and (taken := self._waiting.take()):
            self._tell(taken)
