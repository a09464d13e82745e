"""The beat at which watchers hear of changes: what happens between two beats is told once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog

from controlplane.views.topic import Stamp
from controlplane.views.views import Views
from homeport.core.errors import HomeportError

log = structlog.get_logger()

BEAT_SECONDS = 0.1


class Pulse:
    """Keeps the views current while somebody watches; at rest otherwise."""

    def __init__(self, views: Views, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.closed = False
        # Goes up when the views have changed.
        self.beats = 0
        self._views = views
        self._sleep = sleep
        self._watchers = 0
        self._told: Stamp = views.moment
        self._watched = asyncio.Event()
        self._beat = asyncio.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self._watchers += 1
        self._watched.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    async def run(self) -> None:
        while True:
            await self._watched.wait()
            await self._sleep(BEAT_SECONDS)
            try:
                await self._views.refresh()
            except HomeportError as error:
                log.warning("watchers hear nothing new", error=str(error))
                continue
            if self._views.moment != self._told:
                self._told = self._views.moment
                self._wake()

    async def after(self, beats: int, timeout: float) -> bool:
        """Whether a beat came after those, at most `timeout` seconds from now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.beats == beats and not self.closed:
                    await self._beat.wait()
        return self.beats != beats

    def close(self) -> None:
        """All watches end."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self.beats += 1
        self._beat.set()
        self._beat = asyncio.Event()
