"""Calls over gRPC, by gRPC's own client: one channel, so many calls at once.

python -m bench.dataplane.grpc_load: on each line of stdin it gets {"port", "calls", "seconds", "path", "metadata",
"message", "timeout"} and answers with {"requests", "seconds", "p50_ms", "p99_ms"}.
"""

import asyncio
import json
import sys
import time
from typing import Any

import grpc.aio


async def measure(job: dict[str, Any]) -> dict[str, float]:
    took: list[float] = []
    until = time.monotonic() + job["seconds"]
    message = job["message"].encode("latin-1")
    metadata = [tuple(pair) for pair in job["metadata"]]

    async def call_again_and_again(call: Any) -> None:
        while (began := time.monotonic()) < until:
            assert await call(message, metadata=metadata, timeout=job["timeout"]) == message
            took.append(time.monotonic() - began)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{job['port']}") as channel:
        call: Any = channel.unary_unary(job["path"])
        await call(message, metadata=metadata, timeout=60, wait_for_ready=True)
        began = time.monotonic()
        await asyncio.gather(*(call_again_and_again(call) for _ in range(job["calls"])))
        seconds = time.monotonic() - began
    took.sort()
    at = {"p50_ms": took[len(took) // 2] * 1e3, "p99_ms": took[len(took) * 99 // 100] * 1e3}
    return {"requests": len(took), "seconds": seconds, **at}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asyncio.run(measure(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
