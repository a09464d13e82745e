"""Tells the control plane what this node remembers, page by page, until it has it."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from agent.history.log import HistoryLog
from homeport.core.errors import HomeportError
from homeport.core.history.entry import Entry, EntryKind, Page, kind_of

log = structlog.get_logger()

# What a control plane says in Welcome that takes it.
FEATURE = "history"
# The same of kinds of entries that came later, and those of them that wait for a control plane that takes them.
_LATER = {EntryKind.TOKEN_USAGE: "token_usage", EntryKind.REPLICA_FAULT: "replica_faults"}
_WAIT = frozenset({EntryKind.TOKEN_USAGE})
_PAGE = 500
# What happens at once is told at once, and what happens all the time every half minute: ten thousand nodes do the same.
_GATHER_SECONDS = 1.0
_APART_SECONDS = 30.0
_ANSWER_SECONDS = 30.0


class Shipper:
    """`send(page)` says whether there was a session to say it on; `jitter` is a random number in [0, 1)."""

    def __init__(
        self,
        history: HistoryLog,
        send: Callable[[Page], bool],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._history = history
        self._send = send
        self._monotonic = monotonic
        self._jitter = jitter
        self._welcomed = asyncio.Event()
        self._heard = asyncio.Event()
        self._kept_to = ("", 0)
        self._features: frozenset[str] = frozenset()

    def welcomed(self, features: tuple[str, ...]) -> None:
        """There is a new session."""
        self._features = frozenset(features)
        if FEATURE in features:
            self._welcomed.set()
        else:
            self._welcomed.clear()
        # What was told to the last one may be lost.
        self._heard.set()

    def kept(self, log_id: str, number: int) -> None:
        """The control plane has all of that log up to `number`."""
        self._kept_to = log_id, number
        self._heard.set()

    async def run(self) -> None:
        """Until cancelled."""
        shipped_at = self._monotonic() - _APART_SECONDS
        while True:
            await self._history.filled.wait()
            await asyncio.sleep(max(_GATHER_SECONDS, shipped_at + _APART_SECONDS - self._monotonic()))
            await self._welcomed.wait()
            try:
                while (done := await self._tell(await self._history.oldest(_PAGE))) is not None:
                    await self._history.forget(done)
            except HomeportError as error:
                log.warning("history not told yet", error=str(error))
            shipped_at = self._monotonic()

    async def _tell(self, page: Page) -> int | None:
        """What this control plane takes, as far as nothing waits for another one. Up to which number that is done with;
        None = there is nothing to tell now."""
        known: list[Entry] = []
        done = None
        for entry in page.entries:
            kind = kind_of(entry.told)
            if _LATER.get(kind, FEATURE) in self._features:
                known.append(entry)
            elif kind in _WAIT:
                break
            done = entry.number
        if known:
            await self._ship(Page(page.log_id, tuple(known)))
        return done

    async def _ship(self, page: Page) -> None:
        """Until it is kept there."""
        last = page.entries[-1].number
        while self._kept_to[0] != page.log_id or self._kept_to[1] < last:
            await self._welcomed.wait()
            self._heard.clear()
            if not self._send(page):
                self._welcomed.clear()
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), _ANSWER_SECONDS * (1 + self._jitter()))
