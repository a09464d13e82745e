"""Waiting for a coroutine where there is no event loop."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
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


def step_through(runner: asyncio.Runner, items: AsyncIterator[T]) -> Iterator[T]:
    """Leaving the loop early closes the generator, and with it the connection. None ends it, too."""
    try:
        while (item := runner.run(_next(items))) is not None:
            yield item
    finally:
        closing = _close(items)
        try:
            runner.run(closing)
        except RuntimeError:
            closing.close()  # the client was closed before the loop was left, and the generator with it


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


async def _close(items: AsyncIterator[Any]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()
