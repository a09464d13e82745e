"""The loop around every pipeline: a hint wakes it, polling is the truth."""

import asyncio
import time

import structlog

from controlplane.store.store import Change, Kind, Store
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.histogram import LAG_BOUNDS, Histogram

log = structlog.get_logger()

# After a round that swarms woke, rest for so many times as long as it took, at most so many seconds.
_REST = 4.0
_LONGEST_REST_SECONDS = 5.0


class Pipeline:
    """Subclasses implement `reconcile_once`; it may be called at any time and changes nothing when all is in line.

    `kinds` are the objects whose changes wake it, `swarms` those that change by the thousand when a fleet comes back;
    `poll_seconds` is how long it may sleep without any.
    """

    name: str
    kinds: frozenset[Kind]
    swarms = frozenset[Kind]()

    def __init__(self, store: Store, poll_seconds: float) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._hinted = asyncio.Event()
        # Of rounds, failed or not: seconds.
        self.rounds = Histogram(LAG_BOUNDS)
        self.failures = 0
        # When it will have rested from its last round, on the loop's clock; and a hint that waits for that.
        self._rested_at = 0.0
        self._late_hint: asyncio.TimerHandle | None = None

    def hint(self) -> None:
        """Something may have changed: look soon."""
        self._hinted.set()

    def hint_of_swarm(self) -> None:
        """The same of what comes by the thousand: a round for each would take all the time that there is."""
        loop = asyncio.get_running_loop()
        if self._rested_at <= loop.time():
            self.hint()
        elif self._late_hint is None:
            self._late_hint = loop.call_at(self._rested_at, self._end_rest)

    def _rest_until(self, at: float) -> None:
        self._rested_at = at
        if self._late_hint is not None:
            self._late_hint.cancel()
            self._late_hint = asyncio.get_running_loop().call_at(at, self._end_rest)

    def _end_rest(self) -> None:
        self._late_hint = None
        self.hint()

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
            if self._late_hint is not None:
                self._late_hint.cancel()

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        began, began_at = time.monotonic(), loop.time()
        self._rest_until(began_at + _LONGEST_REST_SECONDS)
        try:
            await self.reconcile_once()
        except HomeportError as error:
            self.failures += 1
            log.warning("pipeline round failed", pipeline=self.name, error=str(error))
        except Exception:
            self.failures += 1
            log.exception("pipeline round failed", pipeline=self.name)
        self.rounds.observe(time.monotonic() - began)
        now = loop.time()
        self._rest_until(now + min(_LONGEST_REST_SECONDS, _REST * (now - began_at)))

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
                        alone = any(change.kind in self.kinds - self.swarms for change in changes)
                        self.hint() if alone else self.hint_of_swarm()
                return  # the store was closed
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                self.hint()  # fell behind the log: look at everything

    def concerns(self, changes: list[Change]) -> bool:
        return any(change.kind in self.kinds for change in changes)
