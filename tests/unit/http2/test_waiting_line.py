"""Who is served next when many wait."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from homeport.http2.waiting_line import WaitingLine

_PATIENCE_SECONDS = 60


@pytest.fixture
async def listener() -> AsyncIterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


async def _next(line: WaitingLine, callers: dict[tuple[str, int], str]) -> str:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        with await line.newest() as connection:
            return callers[connection.getpeername()]


async def test_who_came_last_is_first_and_who_hung_up_is_passed_over(listener: socket.socket) -> None:
    line = WaitingLine(listener)
    with ExitStack() as stack:
        callers = {}
        for name in ("first", "impatient", "second", "silent", "third"):
            caller = stack.enter_context(socket.create_connection(listener.getsockname()))
            callers[caller.getsockname()] = name
            if name == "impatient":
                caller.sendall(b"hello")  # is read before its end
            if name in ("impatient", "silent"):
                caller.close()
        assert [await _next(line, callers) for _ in range(3)] == ["third", "second", "first"]
        late = stack.enter_context(socket.create_connection(listener.getsockname()))
        callers[late.getsockname()] = "late"
        assert await _next(line, callers) == "late"
    line.close()


async def test_a_closed_line_hangs_up_on_those_who_wait(listener: socket.socket) -> None:
    line = WaitingLine(listener)
    served = socket.create_connection(listener.getsockname())
    with socket.create_connection(listener.getsockname()) as waiting, served:
        (await line.newest()).close()
        line.close()
        served.settimeout(_PATIENCE_SECONDS)
        waiting.settimeout(_PATIENCE_SECONDS)
        assert served.recv(1) == waiting.recv(1) == b""
