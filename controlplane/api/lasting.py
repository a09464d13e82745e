"""Answers that go on for as long as their reader may have them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from homeport.core.errors import HomeportError

T = TypeVar("T")

# How long a revoked token may go on reading.
_LOOK_SECONDS = 2.0


async def while_allowed(request: web.Request, handling: Coroutine[Any, Any, T], check: Callable[[], object]) -> T:
    """What `handling` gives. Once `check` raises, the connection is cut: an answer that has begun holds no error."""
    task = asyncio.create_task(handling)
    try:
        while not (await asyncio.wait((task,), timeout=_LOOK_SECONDS))[0]:
            check()
    except HomeportError:
        if request.transport is not None:
            request.transport.abort()
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
    return task.result()
