"""A container's output, as the engine keeps it, and that of the replica's lives before, as the agent does."""

import asyncio
from collections.abc import AsyncIterator
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
_NANOSECONDS = 1_000_000_000


class ContainerLog:
    """Of the container `name`, which is another one in each life. `earlier` has the lives before this one."""

    def __init__(self, connection: Connection, name: str, earlier: Output) -> None:
        self._connection = connection
        self._name = name
        self._earlier = earlier

    async def lines(self, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        """See Driver.logs. Raises DriverUnavailable at first; who follows then waits for the engine instead."""
        container = await self._container()
        # One line at least: it tells from which instant on to follow.
        output, seen = await self._read(container, max(tail_lines, 1)) if container else (b"", 0)
        if tail_lines > output.count(b"\n"):
            async for chunk in self._earlier.lines(tail_lines - output.count(b"\n"), follow=False):
                yield chunk
        if tail_lines and output:
            yield output
        while follow:
            try:
                if container:
                    async for instant, line in self._frames(container, since=seen, follow=True):
                        seen = instant
                        yield line
                await asyncio.sleep(_POLL_SECONDS)
                newest = await self._container()
                if not newest and not self._earlier.exists():
                    return
                if newest != container:
                    container, seen = newest, 0
            except DriverUnavailable:
                await asyncio.sleep(_POLL_SECONDS)

    async def last_line(self, container: str) -> str:
        """The newest line that is not blank; empty when there is none or nobody can tell."""
        try:
            output, _ = await self._read(container, _SEARCHED_LINES)
        except DriverUnavailable:
            return ""
        texts = [line.decode(errors="replace").strip() for line in output.splitlines()]
        return next((text[:_LAST_LINE_CHARACTERS] for text in reversed(texts) if text), "")

    async def keep(self, container: str) -> None:
        """Adds the end of this life's output to that of the lives before: its container is about to be removed."""
        output, _ = await self._read(container, _KEPT_LINES)
        self._earlier.append(output)

    async def _container(self) -> str:
        """Empty when there is none."""
        try:
            found = await self._connection.ask(lambda docker: docker.containers.get(self._name))
        except DockerError:
            return ""
        return found.id

    async def _read(self, container: str, tail_lines: int) -> tuple[bytes, int]:
        """What is there, and the instant of its last line."""
        seen, lines = 0, []
        async for instant, line in self._frames(container, tail=str(tail_lines)):
            seen = instant
            lines.append(line)
        return b"".join(lines[-tail_lines:]), seen

    async def _frames(
        self, container: str, tail: str = "all", since: int = 0, follow: bool = False
    ) -> AsyncIterator[tuple[int, bytes]]:
        """Whole lines after `since`, each with its instant (nanoseconds since 1970). None of a removed container."""
        params = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": tail, "follow": "1" if follow else "0"}
        if since:
            params["since"] = f"{since // _NANOSECONDS}.{since % _NANOSECONDS:09d}"
        unfinished = {1: b"", 2: b""}
        instant = since
        try:
            async with self._connection.stream("GET", f"containers/{container}/logs", params) as answer:
                async for source, frame in frames(answer):
                    stamp, _, text = frame.partition(b" ")
                    instant = _instant(stamp.decode())
                    unfinished[source] += text
                    if text.endswith(b"\n") and instant > since:
                        yield instant, unfinished[source]
                        unfinished[source] = b""
        except DockerError:
            return
        for text in unfinished.values():
            if text:
                yield instant, text + b"\n"


def _instant(stamp: str) -> int:
    """Nanoseconds since 1970 of a time such as 2026-11-21T12:00:00.123456789Z, of which datetime keeps less."""
    whole, _, rest = stamp.partition(".")
    digits = rest.rstrip("Z").partition("+")[0].partition("-")[0]
    zone = "+00:00" if stamp.endswith("Z") else rest[len(digits) :]
    seconds = int(datetime.fromisoformat(whole + zone).timestamp())
    return seconds * _NANOSECONDS + int(digits.ljust(9, "0")[:9] or 0)
