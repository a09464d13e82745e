"""A replica's output: a file that the replica itself writes, so it survives the agent, capped by rotation.

A process holds the file open for appending, hence rotation copies and truncates: lines written in between are lost,
which a cap of disk use is worth.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
_CHUNK = 64 * 1024
# How far back a tail may reach, and how long a line may grow before it is passed on unfinished.
_TAIL_BYTES = 1024 * 1024
_POLL_SECONDS = 0.25


class Output:
    """`directory/output.log`, with one older generation beside it."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = directory / "output.log"
        self._older = directory / "output.log.1"
        self._max_bytes = max_bytes

    def open_for_append(self) -> int:
        """A file descriptor for the replica's stdout and stderr."""
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, content: bytes) -> None:
        """Written by the agent, for a replica that cannot write it by itself."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(self.open_for_append(), "ab") as file:
            file.write(content)
        self.rotate_if_large()

    def exists(self) -> bool:
        return self._path.exists()

    def rotate_if_large(self) -> bool:
        if _size(self._path) <= self._max_bytes:
            return False
        shutil.copyfile(self._path, self._older)
        os.truncate(self._path, 0)
        return True

    def last_line(self) -> str:
        """The newest line that is not blank, at most 300 characters; empty when there is none."""
        for line in reversed(_read_back(self._path, _size(self._path), _CHUNK).splitlines()):
            text = line.decode(errors="replace").strip()
            if text:
                return text[:300]
        return ""

    async def lines(self, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        """Whole lines in chunks; see Driver.logs. A follower's iteration ends when the file is removed."""
        position = _size(self._path)
        recent = _read_back(self._path, position, _TAIL_BYTES)
        whole, unfinished = _split(recent)
        if follow:
            position -= len(unfinished)  # shown once it is whole
        elif unfinished:
            whole += unfinished + b"\n"
        missing = tail_lines - whole.count(b"\n")
        if missing > 0:
            whole = _last_lines(_read_back(self._older, _size(self._older), _TAIL_BYTES), missing) + whole
        newest = _last_lines(whole, tail_lines)
        if newest:
            yield newest
        while follow:
            chunk, position = _read_on(self._path, position)
            if chunk:
                yield chunk
            elif self._path.exists():
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read_back(path: Path, end: int, most: int) -> bytes:
    """At most `most` bytes before `end`, beginning with a whole line where the file reaches further back."""
    try:
        with path.open("rb") as file:
            start = max(0, end - most)
            file.seek(start)
            content = file.read(end - start)
    except FileNotFoundError:
        return b""
    return content if start == 0 else content[content.find(b"\n") + 1 :]


def _read_on(path: Path, position: int) -> tuple[bytes, int]:
    """The whole lines after `position` and where they end. One that shrank was rotated: it is read anew."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < position:
                position = 0
            file.seek(position)
            content = file.read(_TAIL_BYTES)
    except FileNotFoundError:
        return b"", position
    whole, unfinished = _split(content)
    if len(unfinished) == _TAIL_BYTES:
        whole = unfinished
    return whole, position + len(whole)


def _split(content: bytes) -> tuple[bytes, bytes]:
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _last_lines(content: bytes, count: int) -> bytes:
    """Of content that ends with a newline. `splitlines` would also break at carriage returns of progress bars."""
    return b"\n".join(content.split(b"\n")[-count - 1 :]) if count > 0 else b""
