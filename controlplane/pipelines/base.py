"""The loop around every pipeline: a hint wakes it, polling is the truth."""

import asyncio
import time

import structlog

from controlplane.store.store import Change, Kind, Store
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.histogram import LAG_BOUNDS, Histogram

log = structlog.get_logger()


class Pipeline:
    """Subclasses implement `reconcile_once`; it may be called at any time and changes nothing when all is in line.

    `kinds` are the objects whose changes wake it; `poll_seconds` is how long it may sleep without any.
    """

    name: str
    kinds: frozenset[Kind]

    def __init__(self, store: Store, poll_seconds: float) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._hinted = asyncio.Event()
        # Of rounds, failed or not: seconds.
        self.rounds = Histogram(LAG_BOUNDS)
        self.failures = 0

    def hint(self) -> None:
        """Something may have changed: look soon."""
        self._hinted.set()

    async def reconcile_once(self) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Until cancelled. A failing round is logged and tried again: after a hint, or after `poll_seconds`."""
        follower = asyncio.create_task(self._follow_store(), name=f"{self.name}-follower")
        try:
            while True:
                self._hinted.clear()
                await self._round()
                await self._sleep()
        finally:
            follower.cancel()

    async def _round(self) -> None:
        began = time.monotonic()
        try:
            await self.reconcile_once()
        except HomeportError as error:
            self.failures += 1
            log.warning("pipeline round failed", pipeline=self.name, error=str(error))
        except Exception:
            self.failures += 1
            log.exception("pipeline round failed", pipeline=self.name)
        self.rounds.observe(time.monotonic() - began)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._hinted.wait()
        except TimeoutError:
            pass

    async def _follow_store(self) -> None:
        while True:
            try:
                async for changes in self._store.changes():
                    if self.concerns(changes):
                        self.hint()
                return  # the store was closed
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                self.hint()  # fell behind the log: look at everything

    def concerns(self, changes: list[Change]) -> bool:
        return any(change.kind in self.kinds for change in changes)
