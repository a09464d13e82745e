"""Many event streams at once whose events carry the time at which the model server sent them."""

import asyncio
import re
import time
from typing import cast

_STAMP = re.compile(rb'"t":(\d+\.\d+)')


class Listener(asyncio.Protocol):
    def __init__(self, request: bytes, events: int, run: "Listening") -> None:
        self._request = request
        self._left = events
        self._run = run
        self._answered = False
        self._tail = b""
        self._began = 0.0
        self._heard_at = 0.0
        self._worst_gap = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._began = time.monotonic()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._answered:
            self._answered = True
            if not data.startswith(b"HTTP/1.1 200") and self._transport is not None:
                self._transport.abort()
                return
        whole, _, self._tail = (self._tail + data).rpartition(b"\n")
        stamps = _STAMP.findall(whole)
        if stamps:
            if self._heard_at:
                self._worst_gap = max(self._worst_gap, now - self._heard_at)
            else:
                self._run.first_events.append(now - self._began)
            self._heard_at = now
            self._run.delays.extend(now - float(stamp) for stamp in stamps)
            self._left -= len(stamps)
            if not self._left:
                self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.errors += self._transport is not None
        self._end()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            self._run.ended(self._worst_gap)


class Listening:
    def __init__(self, streams: int) -> None:
        self.delays: list[float] = []
        self.first_events: list[float] = []
        self.worst_gaps: list[float] = []
        self.errors = 0
        self.done = asyncio.Event()
        self._open = streams

    def ended(self, worst_gap: float) -> None:
        self.worst_gaps.append(worst_gap)
        self._open -= 1
        if not self._open:
            self.done.set()


async def listen(ports: list[int], request: bytes, connections: int, seconds: float, events: int) -> dict[str, float]:
    """As many streams as `connections`, begun within the first half second; each ends after `events`. `broken`: streams
    that ended before, `errors`: events that did not come."""
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    run = Listening(connections)
    for number in range(connections):
        port = ports[number % len(ports)]
        await loop.create_connection(lambda: Listener(request, events, run), "127.0.0.1", port)
        if number % 20 == 0:
            await asyncio.sleep(10 / connections)
    await asyncio.wait_for(run.done.wait(), seconds * 3 + 30)
    delays, first, gaps = sorted(run.delays), sorted(run.first_events), sorted(run.worst_gaps)
    return {
        "requests": len(delays),
        "seconds": time.monotonic() - began,
        "p50_ms": delays[len(delays) // 2] * 1000,
        "p99_ms": delays[len(delays) * 99 // 100] * 1000,
        "first_byte_ms": first[len(first) // 2] * 1000,
        "worst_gap_ms": gaps[-1] * 1000,
        "broken": run.errors,
        "errors": connections * events - len(delays),
    }
