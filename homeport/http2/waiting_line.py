"""Connections that were accepted and not served yet.

The newest goes first. In a line that has grown too long whoever is served in order has given up, or is about to: all
work is lost on those, and every one of them dials again. Those that have hung up already cost nothing.
"""

import asyncio
import select
import socket
from collections import deque

# A burst is taken in parts, so that what is open is served in between.
_PER_TURN = 256
# More wait with the kernel.
_LONGEST = 20_000
# Until there may be files to open again.
_PAUSE_SECONDS = 0.1


class WaitingLine:
    def __init__(self, listener: socket.socket) -> None:
        """`listener` does not block, and stays the caller's to close, after `close`."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._waiting: deque[socket.socket] = deque()
        self._filled = asyncio.Event()
        self._pause: asyncio.TimerHandle | None = None
        self._watch()

    async def newest(self) -> socket.socket:
        """The caller closes it."""
        while True:
            while self._waiting:
                connection = self._waiting.pop()
                if not _has_hung_up(connection):
                    return connection
                connection.close()
            self._filled.clear()
            await self._filled.wait()

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        while self._waiting:
            self._waiting.pop().close()

    def _watch(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            for _ in range(_PER_TURN):
                self._waiting.append(self._listener.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):
            pass
        except OSError:
            self._rest()
        if len(self._waiting) >= _LONGEST:
            self._rest()
        if self._waiting:
            self._filled.set()

    def _rest(self) -> None:
        if self._pause is None:
            self._loop.remove_reader(self._listener)
            self._pause = self._loop.call_later(_PAUSE_SECONDS, self._watch)


def _has_hung_up(connection: socket.socket) -> bool:
    """Also behind what it has sent."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))
