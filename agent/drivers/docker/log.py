"""A container's output, as the engine keeps it, and that of the replica's lives before, as the agent does."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from aiodocker import DockerError

from agent.drivers.docker.connection import Connection
from agent.drivers.docker.frames import frames
from agent.drivers.driver import DriverUnavailable
from agent.drivers.output import Output

_POLL_SECONDS = 0.5
_KEPT_LINES = 10_000
_SEARCHED_LINES = 20
_LAST_LINE_CHARACTERS = 300
_LONGEST_LINE = 1024 * 1024
_COUNTED_LINES = 1000
_NANOSECONDS = 1_000_000_000
_STAMP = re.compile(r"(?P<whole>[^.Z+]+?)(?:\.(?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind `count` lines of `instant` (nanoseconds since 1970): Podman tells instants by the second."""

    instant: int = 0
    count: int = 0

    def after(self, instant: int) -> "Cursor":
        return Cursor(instant, self.count + 1 if instant == self.instant else 1)


_START = Cursor()


class ContainerLog:
    """Of the container `name`, which is another one in each life. `earlier` has the lives before this one."""

    def __init__(self, connection: Connection, name: str, earlier: Output) -> None:
        self._connection = connection
        self._name = name
        self._earlier = earlier

    async def lines(self, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        """See Driver.logs. Raises DriverUnavailable at first; who follows then waits for the engine instead."""
        container = await self._container()
        # More than is shown: they tell from where on to follow.
        lines, seen = await self._read(container, max(tail_lines, _COUNTED_LINES)) if container else ([], Cursor())
        if tail_lines > len(lines):
            async for chunk in self._earlier.lines(tail_lines - len(lines), follow=False):
                yield chunk
        if tail_lines and lines:
            yield b"".join(lines[-tail_lines:])
        while follow:
            try:
                if container:
                    async for cursor, line in self._lines(container, since=seen, follow=True):
                        seen = cursor
                        yield line
                await asyncio.sleep(_POLL_SECONDS)
                newest = await self._container()
                if not newest and not self._earlier.exists():
                    return
                if newest != container:
                    container, seen = newest, Cursor()
            except DriverUnavailable:
                await asyncio.sleep(_POLL_SECONDS)

    async def last_line(self, container: str) -> str:
        """The newest line that is not blank; empty when there is none or nobody can tell."""
        try:
            lines, _ = await self._read(container, _SEARCHED_LINES)
        except DriverUnavailable:
            return ""
        texts = [line.decode(errors="replace").strip() for line in lines]
        return next((text[:_LAST_LINE_CHARACTERS] for text in reversed(texts) if text), "")

    async def keep(self, container: str) -> None:
        """Adds the end of this life's output to that of the lives before: its container is about to be removed."""
        lines, _ = await self._read(container, _KEPT_LINES)
        self._earlier.append(b"".join(lines))

    async def _container(self) -> str:
        """Empty when there is none."""
        try:
            found = await self._connection.ask(lambda docker: docker.containers.get(self._name))
        except DockerError:
            return ""
        return found.id

    async def _read(self, container: str, tail_lines: int) -> tuple[list[bytes], Cursor]:
        """The last lines that are there."""
        seen, lines = Cursor(), []
        async for cursor, line in self._lines(container, tail=str(tail_lines)):
            seen = cursor
            lines.append(line)
        return lines[-tail_lines:], seen

    async def _lines(
        self, container: str, tail: str = "all", since: Cursor = _START, follow: bool = False
    ) -> AsyncIterator[tuple[Cursor, bytes]]:
        """Whole lines behind `since`, each with the cursor behind it. None of a removed container."""
        params = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": tail, "follow": "1" if follow else "0"}
        if since.instant:
            params["since"] = f"{since.instant // _NANOSECONDS}.{since.instant % _NANOSECONDS:09d}"
        unfinished = {1: b"", 2: b""}
        cursor = Cursor(since.instant)
        try:
            async with self._connection.stream("GET", f"containers/{container}/logs", params) as answer:
                async for source, frame in frames(answer):
                    stamp, _, text = frame.partition(b" ")
                    unfinished[source] += text
                    if text.endswith(b"\n") or len(unfinished[source]) > _LONGEST_LINE:
                        cursor = cursor.after(instant_of(stamp.decode()))
                        if cursor.instant > since.instant or cursor.count > since.count:
                            yield cursor, unfinished[source]
                        unfinished[source] = b""
        except DockerError:
            return
        for text in unfinished.values():
            if text:
                yield cursor, text + b"\n"


def instant_of(stamp: str) -> int:
    """Nanoseconds since 1970 of a time such as 2026-11-21T12:00:00.123456789Z, of which datetime keeps less."""
    parts = _STAMP.fullmatch(stamp)
    if parts is None:
        raise DriverUnavailable(f"the container engine writes a time as {stamp!r}")
    seconds = int(datetime.fromisoformat(parts["whole"] + parts["zone"].replace("Z", "+00:00")).timestamp())
    return seconds * _NANOSECONDS + int((parts["fraction"] or "").ljust(9, "0")[:9])
