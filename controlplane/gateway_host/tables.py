"""What the control plane told a gateway on a host of its own: for its workers, and on its disk for the next start."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from controlplane.gateway.feed import GatewayFeed
from controlplane.private_file import write_private

log = structlog.get_logger()

# Nobody is told more often than that what has changed; a file that takes long is written more rarely.
_KEEP_SECONDS = 1.0
_REST = 10.0


class HostTables:
    """What a FeedFollower learns goes into `feed`, and from there to the workers. `is_complete` once all is known.
    `size` is how many workers there shall be; None = nobody has said."""

    def __init__(self, feed: GatewayFeed, file: Path) -> None:
        self.is_complete = False
        self.size: int | None = None
        self._feed = feed
        self._file = file
        self._entries: dict[tuple[str, str], Any] = {}
        self._changed = asyncio.Event()

    def put(self, table: str, key: str, value: Any) -> None:
        """What this release cannot read, and a newer control plane means by it, is as good as not told."""
        if self._entries.get((table, key)) == value:
            return
        try:
            if table == "routes":
                self._feed.tables.put(table, key, value)
            else:
                self._feed.put(table, key, value)
        except (ValueError, TypeError, KeyError) as error:
            log.error("an entry of the tables cannot be read", table=table, key=key, error=repr(error))
            return
        if value is None:
            self._entries.pop((table, key), None)
        else:
            self._entries[table, key] = value
        self._changed.set()

    def keep_only(self, known: set[tuple[str, str]]) -> None:
        for table, key in self._entries.keys() - known:
            self.put(table, key, None)
        self.is_complete = True
        self._changed.set()

    def resize(self, size: int) -> None:
        if size != self.size:
            self.size = size
            self._changed.set()

    def load(self) -> None:
        """As the disk has it. What is damaged is not used, but told anew by the control plane."""
        try:
            digest, _, body = self._file.read_bytes().partition(b"\n")
            if digest.decode() != hashlib.sha256(body).hexdigest():
                raise ValueError("its checksum is wrong")
            told = json.loads(body)
            self.size = told["size"]
            for table, key, value in told["entries"]:
                self.put(table, key, value)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.error("what was known is not used; the control plane is asked", file=str(self._file), error=str(error))
            return
        self.is_complete = True

    def forget(self) -> None:
        """From the disk, too."""
        self._file.unlink(missing_ok=True)
        self.is_complete = False

    async def keep(self, clock: Callable[[], float]) -> None:
        """Writes what is new, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            took = 0.0
            if self.is_complete:
                began = clock()
                await self.write()
                took = clock() - began
            await asyncio.sleep(max(_KEEP_SECONDS, _REST * took))

    async def close(self) -> None:
        """What was told last is on the disk, unless this gateway was turned away."""
        if self.is_complete:
            await self.write()

    async def write(self) -> None:
        entries = [[table, key, value] for (table, key), value in self._entries.items()]
        try:
            await asyncio.to_thread(_write, self._file, {"size": self.size, "entries": entries})
        except OSError as error:
            self._changed.set()
            log.error("what this gateway was told is not on the disk", error=str(error))


def _write(file: Path, told: dict[str, Any]) -> None:
    body = json.dumps(told, separators=(",", ":")).encode()
    write_private(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
