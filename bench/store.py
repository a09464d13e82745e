"""Durable creates per second through the store's group commit.

python -m bench.store [--json] [--seconds 3] [--writers 1000] [--database postgresql+psycopg://...]
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from controlplane.store.sql import SqlStore
from controlplane.store.store import Kind, Transaction
from homeport.logging import configure_logging


async def measure(url: str, writers: int, seconds: float) -> dict[str, float]:
    """`hold_ms_max` is the longest that the event loop was held up meanwhile."""
    store = SqlStore(url)
    await store.open()
    latencies: list[float] = []
    run = time.time_ns()
    end = time.perf_counter() + seconds

    async def write(writer: int) -> None:
        number = 0
        while time.perf_counter() < end:
            spec = {"deployment_id": "chat", "node_id": f"{run}-{writer}", "revision": 1, "rank": number, "devices": []}

            def create(tx: Transaction, id: str = f"{run}-{writer}-{number}", spec: dict[str, object] = spec) -> None:
                tx.create(Kind.PLACEMENT, id, spec)

            began = time.perf_counter()
            await store.write(create)
            latencies.append(time.perf_counter() - began)
            number += 1

    longest = 0.0

    async def watch_loop() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    watcher = asyncio.create_task(watch_loop())
    began = time.perf_counter()
    await asyncio.gather(*(write(number) for number in range(writers)))
    took = time.perf_counter() - began
    watcher.cancel()
    await store.close()
    latencies.sort()
    return {
        "writers": writers,
        "creates_per_s": round(len(latencies) / took),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 2),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 2),
        "hold_ms_max": round(longest * 1000, 1),
    }


async def run(database: str, writers: list[int], seconds: float) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as directory:
        return [
            await measure(database or f"sqlite:///{Path(directory) / str(count) / 'homeport.db'}", count, seconds)
            for count in writers
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object: the row with the most writers")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 128, 2000])
    parser.add_argument("--database", default="", help="a URL; default: SQLite in a temporary directory")
    arguments = parser.parse_args()
    configure_logging()
    rows = asyncio.run(run(arguments.database, arguments.writers, arguments.seconds))
    if arguments.json:
        print(json.dumps(rows[-1]))
        return
    print("  ".join(f"{name:>14}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value:>14}" for value in row.values()))


if __name__ == "__main__":
    main()
