"""Leases between a gateway and the control plane, over the feed."""

import asyncio
from collections.abc import Mapping
from typing import Any

from controlplane.gateway.tellers import Say
from homeport.core import canonical
from homeport.core.limits.report import Grant
from homeport.gateway.limits.limiter import Limiter

# What nobody waits for is told this often.
_NEWS_SECONDS = 1.0


class Leasing:
    """The gateway's side: a teller of the feed, and the learner of its answers."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._soon = asyncio.Event()
        # Whoever feeds this gateway may be without the control plane: then nobody lends.
        self._linked = asyncio.Event()
        self._linked.set()
        limiter.on_ask = self._soon.set

    def set_linked(self, linked: bool) -> None:
        if linked:
            self._linked.set()
        else:
            self._linked.clear()
        self._soon.set()

    async def tell(self, say: Say) -> None:
        """While the feed is there."""
        while True:
            await self._linked.wait()
            await self._exchange(say)

    async def _exchange(self, say: Say) -> None:
        self._limiter.connected()
        try:
            while self._linked.is_set():
                self._soon.clear()
                report = self._limiter.report()
                if report is not None:
                    await say({"lease_report": canonical.to_plain(report)})
                try:
                    await asyncio.wait_for(self._soon.wait(), _NEWS_SECONDS)
                except TimeoutError:
                    continue
        finally:
            self._limiter.cut_off()

    def granted(self, plain: Mapping[str, Any]) -> None:
        self._limiter.granted(canonical.from_plain(Grant, plain))
        if self._limiter.must_ask:
            self._soon.set()
