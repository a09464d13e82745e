import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """grpc.aio runs on both, as production and tests do."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
