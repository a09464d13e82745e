"""The API with a small fleet in it, on a port, until standard input ends: python -m tests.conformance.api.server.

It says its address and a token.
"""

import asyncio
import sys

from homeport.core.guessing import Guesses
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, ControlApi


async def main() -> None:
    # Every operation is tried with wrong tokens, and has to answer 401 to each.
    async with ControlApi(Guesses(most=1_000_000)).running() as api:
        await api.put_parents()
        await api.call("POST", "/deployments", DEPLOYMENT)
        await api.call("POST", "/projects", {"id": "red"})
        api.report(await api.put_node("gpu-1"), "r1", ReplicaStatus.READY)
        sys.stdout.write(f"{api.url} {api.token}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
