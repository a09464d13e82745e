"""A closed-loop load generator: each connection sends the next request when the answer to the last is complete.

It takes jobs as JSON lines on stdin, {"ports", "request" (latin-1 text), "connections", "seconds"}, and answers with
{"requests", "seconds", "p50_ms", "p99_ms", "first_byte_ms", "errors"}; connections take the ports in turn. A job with
"events", their number in each stream, is one for listeners.py. python -m bench.dataplane.load
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

from bench.dataplane.listeners import listen

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    def __init__(self, request: bytes, end: float, run: "Run") -> None:
        self._request = request
        self._end = end
        self._run = run
        self._began = 0.0
        self._first = 0.0
        self._received = b""
        # Bytes of a body whose head is here.
        self._missing = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.ended()

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._first = self._first or time.perf_counter()
            self._missing -= len(data)
            if self._missing <= 0:
                self._answered()
            return
        received = self._received = self._received + data if self._received else data
        head = received.find(b"\r\n\r\n")
        if head < 0:
            return
        if not self._first and len(received) > head + 4:
            self._first = time.perf_counter()
        length = _LENGTH.search(received, 0, head)
        if length is not None:
            self._missing = max(0, head + 4 + int(length[1]) - len(received))
        if not self._missing and (length is not None or received.endswith(b"0\r\n\r\n")):
            self._answered()

    def _send(self) -> None:
        self._received = b""
        self._missing = 0
        self._first = 0.0
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)

    def _answered(self) -> None:
        now = time.perf_counter()
        self._run.latencies.append(now - self._began)
        self._run.first_bytes.append(self._first - self._began)
        self._run.errors += not self._received.startswith(b"HTTP/1.1 200")
        if now < self._end:
            self._send()
        elif self._transport is not None:
            self._transport.close()


class Run:
    def __init__(self, connections: int) -> None:
        self.latencies: list[float] = []
        self.first_bytes: list[float] = []
        self.errors = 0
        self.done = asyncio.Event()
        self._open = connections

    def ended(self) -> None:
        self._open -= 1
        if not self._open:
            self.done.set()


async def run(ports: list[int], request: bytes, connections: int, seconds: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    measured = Run(connections)
    for number in range(connections):
        port = ports[number % len(ports)]
        await loop.create_connection(lambda: Connection(request, began + seconds, measured), "127.0.0.1", port)
    await asyncio.wait_for(measured.done.wait(), seconds + 10)
    took = time.perf_counter() - began
    latencies, first_bytes = sorted(measured.latencies), sorted(measured.first_bytes)
    return {
        "requests": len(latencies),
        "seconds": took,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "first_byte_ms": first_bytes[len(first_bytes) // 2] * 1000,
        "errors": measured.errors,
    }


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin:
            job = json.loads(line)
            job["request"] = job["request"].encode("latin-1")
            print(json.dumps(runner.run(listen(**job) if "events" in job else run(**job))), flush=True)


if __name__ == "__main__":
    main()
