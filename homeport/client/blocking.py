"""Waiting for a coroutine where there is no event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(call: Coroutine[Any, Any, T]) -> T:
    """Raises RuntimeError inside a running event loop, as in a notebook."""
    try:
        refuse_in_event_loop()
    except RuntimeError:
        call.close()
        raise
    return asyncio.run(call)


def refuse_in_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("this would block the running event loop: use the Async form and `await` it (AsyncClient, ...)")
