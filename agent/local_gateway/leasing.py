"""Leases between a local gateway and the control plane, over the node's session."""

import asyncio
import json
from collections.abc import Callable

from homeport.core import canonical
from homeport.core.limits.report import Grant
from homeport.gateway.limits.limiter import Limiter

# What nobody waits for is told this often.
_NEWS_SECONDS = 1.0


class SiteLeasing:
    """`session` is another number for each session, 0 while there is none that lends; `say` gets each report as
    JSON. Without a session the gateway goes on alone."""

    def __init__(self, limiter: Limiter, session: Callable[[], int], say: Callable[[str], bool]) -> None:
        self._limiter = limiter
        self._session = session
        self._say = say
        self._current = 0
        self._soon = asyncio.Event()
        limiter.on_ask = self._soon.set

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._soon.clear()
            self.look()
            try:
                await asyncio.wait_for(self._soon.wait(), _NEWS_SECONDS)
            except TimeoutError:
                continue

    def look(self) -> None:
        session = self._session()
        if session != self._current:
            self._current = session
            self._limiter.cut_off()
            if session:
                self._limiter.connected()
        report = self._limiter.report() if session else None
        if report is not None:
            self._say(json.dumps(canonical.to_plain(report), separators=(",", ":")))

    def granted(self, grant_json: str) -> None:
        self._limiter.granted(canonical.from_plain(Grant, json.loads(grant_json)))
        if self._limiter.must_ask:
            self._soon.set()
