"""For how long this node has been alone, for deployments that are not to outlive that: others may run them by then."""

import asyncio
import math
from collections.abc import Callable

import structlog

from agent.placement import DesiredState, Placement
from agent.state.heard import Heard, HeardStore
from homeport.core.errors import HomeportError

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
# What is lost of it by a crash makes the silence look longer, never shorter.
_KEEP_SECONDS = 10.0


class Solitude:
    """`uptime` are seconds since the host's boot, suspend included, and `boot_id` tells which boot; `heard_ago` is how
    long ago this agent heard the control plane, None = not yet."""

    def __init__(
        self,
        store: HeardStore,
        boot_id: str,
        uptime: Callable[[], float],
        heard_ago: Callable[[], float | None],
        desired: Callable[[], DesiredState],
    ) -> None:
        self._store = store
        self._boot_id = boot_id
        self._uptime = uptime
        self._heard_ago = heard_ago
        self._desired = desired
        self._heard_at = uptime()
        self._kept_at = -math.inf

    async def load(self) -> None:
        """A host that was off has been alone for nobody knows how long."""
        kept = await self._store.load()
        if kept is not None:
            self._heard_at = kept.uptime_seconds if kept.boot_id == self._boot_id else -math.inf

    def halts(self, placement: Placement) -> bool:
        limit = placement.policy.stop_after_seconds
        return limit is not None and self._uptime() - self._heard_at > limit

    async def run(self) -> None:
        """Until cancelled."""
        halted: set[str] = set()
        while True:
            await self._look()
            now = {id for id, placement in self._desired().placements.items() if self.halts(placement)}
            if now != halted:
                log.warning("deployments that may not run alone", placements=sorted(now))
                halted = now
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        ago = self._heard_ago()
        if ago is None:
            return
        self._heard_at = max(self._heard_at, self._uptime() - ago)
        placements = self._desired().placements.values()
        matters = any(placement.policy.stop_after_seconds is not None for placement in placements)
        if matters and self._heard_at - self._kept_at >= _KEEP_SECONDS:
            try:
                await self._store.keep(Heard(self._boot_id, self._heard_at))
                self._kept_at = self._heard_at
            except HomeportError as error:
                log.error("when the control plane was heard is not noted", error=str(error))
