"""How long an agent takes to find its containers again: the mark is 20 within 2 s.

It starts a Docker Engine of its own.
"""

import argparse
import asyncio
import json
import socket
import tempfile
import time
from pathlib import Path

from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import Labels, StartRequest
from agent.policy import HostPolicy
from tests.engine import IMAGE, private_engine


def _request(number: int) -> StartRequest:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return StartRequest(Labels(f"bench-{number}", "bench"), ("sleep", "3600"), {}, "", IMAGE, "127.0.0.1", port)


async def measure(engine_socket: Path, folder: Path, count: int) -> dict[str, float]:
    """Milliseconds: of one start on average, of a listing, and of the adoption of all."""
    policy = HostPolicy(engine_socket=str(engine_socket))
    before = DockerDriver(folder, "bench", policy)
    requests = [_request(number) for number in range(count)]
    began = time.perf_counter()
    handles = [await before.start(request) for request in requests]
    started = time.perf_counter()
    await before.close()

    after = DockerDriver(folder, "bench", policy)
    listing = time.perf_counter()
    assert len(await after.find_all()) == count
    adopting = time.perf_counter()
    pairs = zip(requests, handles, strict=True)
    adopted = await asyncio.gather(*(after.recover(request.replica_id, handle) for request, handle in pairs))
    done = time.perf_counter()
    assert adopted == handles
    await asyncio.gather(*(after.destroy(request.replica_id) for request in requests))
    await after.close()
    return {
        "containers": count,
        "start_ms_each": round((started - began) * 1000 / count, 1),
        "list_ms": round((adopting - listing) * 1000, 1),
        "adopt_all_ms": round((done - adopting) * 1000, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    count = parser.parse_args().count
    with private_engine() as engine, tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(engine.socket, Path(folder), count))))


if __name__ == "__main__":
    main()
