"""A new key with its signing request, made by a child process that is gone afterwards."""

import asyncio
import base64
import json
import sys
from dataclasses import dataclass

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pair:
    """`key` is PEM, `csr` DER; `signature` is by the key that is held now, for Enrollment.Recover."""

    key: bytes
    csr: bytes
    signature: bytes


async def make_pair(held_key: bytes) -> Pair:
    """Raises TimeoutError, ValueError."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.link.csr", stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await child.communicate(held_key)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise
    told = json.loads(output)
    return Pair(told["key"].encode(), base64.b64decode(told["csr"]), base64.b64decode(told["signature"]))
