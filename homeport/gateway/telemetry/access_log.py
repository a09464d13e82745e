"""The access log: a line of JSON for each request that is over.

A thread writes it, so that a slow disk holds up no request. What it cannot keep up with, or cannot write, is dropped
and counted. A file that was moved away or deleted is made anew within a second, and one that was truncated goes on from
its beginning: logrotate needs to tell nobody.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

import structlog

log = structlog.get_logger()

_MOST_WAITING = 50_000
_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 2.0


class AccessLog:
    """Of `path`; "-" is where the gateway's own log goes. Use it on one event loop."""

    def __init__(self, path: str, most_waiting: int = _MOST_WAITING) -> None:
        self.path = path
        self._most = most_waiting
        self._lines: list[str] = []
        # What there was to write, and of that what is written or lost: the first the loop's, the others the thread's.
        self._noted = self._written = self._lost = 0
        self._refused = 0
        self._batches: SimpleQueue[list[str] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="access-log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines."""
        return self._refused + self._lost

    def note(self, seconds: float, fields: Mapping[str, object]) -> None:
        """Of a request that came so long ago."""
        if self._noted - self._written - self._lost >= self._most:
            self._refused += 1
            return
        began = datetime.fromtimestamp(time.time() - seconds, UTC)
        stamp = began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(json.dumps({"time": stamp, **fields}, separators=(",", ":")) + "\n")
        self._noted += 1

    def close(self) -> None:
        """Writes what waits, as far as that goes quickly."""
        self._flush()
        self._batches.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _flush(self) -> None:
        if self._lines:
            self._batches.put(self._lines)
            self._lines = []

    # ---- on the thread

    def _write_all(self) -> None:
        file = _File(self.path)
        is_well = True
        while (lines := self._batches.get()) is not None:
            try:
                file.write("".join(lines).encode())
            except OSError as error:
                self._lost += len(lines)
                if is_well:
                    log.warning("the access log cannot be written", file=self.path, error=str(error))
                is_well = False
            else:
                self._written += len(lines)
                is_well = True
        file.close()


class _File:
    """Several gateways may append to the same one: each write is of whole lines."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path != "-" else None
        self._fd = -1
        self._look_at = 0.0
        # A write ended within a line.
        self._is_torn = False

    def write(self, data: bytes) -> None:
        """Raises OSError."""
        if self._path is None:
            sys.stderr.write(data.decode())
            sys.stderr.flush()
            return
        self._follow(self._path)
        data = b"\n" * self._is_torn + data
        while data:
            written = os.write(self._fd, data)
            self._is_torn = written < len(data)
            data = data[written:]

    def close(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _follow(self, path: Path) -> None:
        now = time.monotonic()
        if self._fd >= 0 and now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        if self._fd >= 0 and not _is_same(path, self._fd):
            self.close()
        if self._fd < 0:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _is_same(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
