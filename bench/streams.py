"""What many streams, a very large body and clients that leave do to gateway and agent.

python -m bench.streams [--json] [--streams 1000] [--mib 1024] [--leavers 1000]

Memory grows by what is in flight, which credit bounds, and not by what has passed; a client that leaves in the middle
of a stream leaves nothing open. Growth is the highest resident memory of a step over that at its start.
"""

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Callable

from bench.dataplane.stage import Part, Stage, post
from bench.memory import forget_peak, open_files, peak_mib, resident_mib

_MIB = 1024 * 1024
_PIECE = bytes(64 * 1024)
# Clients that leave at the same time.
_CROWD = 100

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--leavers", type=int, default=1000)
    arguments = parser.parse_args()
    # A connection each, at four processes.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stage = Stage()
    try:
        report = {
            "leavers": _watched(stage, lambda: asyncio.run(_leavers(stage, arguments.leavers))),
            "streams": _watched(stage, lambda: _streams(stage, arguments.streams)),
            "upload": _watched(stage, lambda: asyncio.run(_upload(stage.ports["gateway"][0], arguments.mib))),
            "download": _watched(stage, lambda: asyncio.run(_download(stage.ports["gateway"][0], arguments.mib))),
        }
    finally:
        stage.close()
    print(json.dumps(report) if arguments.json else _table(report))


def _watched(stage: Stage, step: Callable[[], Figures]) -> Figures:
    parts: dict[str, Part] = {"gateway": stage.gateway, "agent": stage.agent}
    before = {name: resident_mib(part.pid) for name, part in parts.items()}
    for part in parts.values():
        forget_peak(part.pid)
    figures = step()
    for name, part in parts.items():
        figures[f"{name}_mib"] = before[name]
        figures[f"{name}_grown_mib"] = max(0.0, peak_mib(part.pid) - before[name])
    return {key: round(value, 1) for key, value in figures.items()}


def _streams(stage: Stage, count: int) -> Figures:
    """As many event streams at once, one after the other on each connection. A failed one ends the bench."""
    run = stage.measure("gateway", post("/d/bench/stream", b"{}"), count, 5.0)
    return {"streams": run["requests"], "at_once": count, "p50_ms": run["p50_ms"], "p99_ms": run["p99_ms"]}


async def _upload(port: int, mib: int) -> Figures:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("/d/bench/x", b"").replace(b"Content-Length: 0", b"Content-Length: %d" % (mib * _MIB)))
    began = time.perf_counter()
    for _ in range(mib * _MIB // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    _check(head.startswith(b"HTTP/1.1 200"), f"the upload was answered with {head[:40]!r}")
    writer.close()
    return {"mib": mib, "mib_per_second": mib / (time.perf_counter() - began)}


async def _download(port: int, mib: int) -> Figures:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    writer.write(post("/d/bench/bytes", b"%d" % (mib * _MIB)))
    await reader.readuntil(b"\r\n\r\n")
    left = mib * _MIB
    while left and (data := await reader.read(_MIB)):
        left -= len(data)
    _check(not left, f"{left} bytes of the download are missing")
    writer.close()
    return {"mib": mib, "mib_per_second": mib / (time.perf_counter() - began)}


async def _leavers(stage: Stage, count: int) -> Figures:
    """Each hears the beginning of an endless stream and hangs up."""
    parts = {"gateway": stage.gateway, "agent": stage.agent, "upstream": stage.upstream}
    before = {name: open_files(part.pid) for name, part in parts.items()}
    for _ in range(0, count, _CROWD):
        await asyncio.gather(*(_leave(stage.ports["gateway"][0]) for _ in range(_CROWD)))
    await _until(lambda: all(open_files(part.pid) <= before[name] for name, part in parts.items()))
    left_open = {f"{name}_files_left": float(open_files(part.pid) - before[name]) for name, part in parts.items()}
    return {"left": count, **left_open}


async def _leave(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("/d/bench/endless", b"{}"))
    await reader.readuntil(b"data: ")
    writer.transport.abort()


async def _until(condition: Callable[[], bool]) -> None:
    """Or for ten seconds: then the figures tell."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 - other processes give no event
        await asyncio.sleep(0.05)


def _check(good: bool, problem: str) -> None:
    if not good:
        raise SystemExit(problem)


def _table(report: dict[str, Figures]) -> str:
    lines = []
    for step, figures in report.items():
        lines.append(f"{step}: " + ", ".join(f"{key} {value:g}" for key, value in figures.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
