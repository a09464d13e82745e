"""Takes connections in, as fast as what is open already allows.

After an outage a whole fleet dials at once. A few handshakes are begun in each turn of the event loop, so that those
who are in are heard meanwhile.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial

from homeport.http2.waiting_line import WaitingLine

# A millisecond or two of CPU each.
_BEGUN_PER_TURN = 4
# Waiting for a peer costs memory only.
_AT_ONCE = 512
# After so long a handshake makes room for the next one, if there is one: nobody keeps others out by saying nothing.
_PATIENCE_SECONDS = 2.0
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0
_BACKLOG = 4096


class Acceptor:
    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        protocol: Callable[[], asyncio.Protocol],
        *,
        shares_port: bool = False,
    ) -> None:
        """`shares_port` with others that say so, too: the system deals connections out by chance. Raises OSError."""
        self._tls = tls
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        # Left alone, two servers on one port would silently share the agents between them.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shares_port)
        self._listener.setblocking(False)
        self._line = WaitingLine(self._listener)
        self.port: int = self._listener.getsockname()[1]
        # In the order in which they began, and when.
        self._handshakes: dict[asyncio.Task[None], float] = {}
        self._unbegun: set[socket.socket] = set()
        self._freed = asyncio.Event()
        self._task = asyncio.create_task(self._accept(), name=f"accept-{self.port}")

    async def close(self) -> None:
        """Takes nobody in any more."""
        self._task.cancel()
        for handshake in list(self._handshakes):
            handshake.cancel()
        await asyncio.gather(self._task, *self._handshakes, return_exceptions=True)
        self._line.close()
        self._listener.close()

    async def _accept(self) -> None:
        while True:
            for _ in range(_BEGUN_PER_TURN):
                await self._until_room()
                connection = await self._line.newest()
                self._unbegun.add(connection)
                handshake = asyncio.create_task(self._shake_hands(connection))
                self._handshakes[handshake] = self._loop.time()
                handshake.add_done_callback(partial(self._over, connection))
            await asyncio.sleep(0)

    async def _until_room(self) -> None:
        while len(self._handshakes) >= _AT_ONCE:
            oldest, began = next(iter(self._handshakes.items()))
            left = began + _PATIENCE_SECONDS - self._loop.time()
            if left <= 0:
                oldest.cancel()
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left if left > 0 else None):
                    await self._freed.wait()

    async def _shake_hands(self, connection: socket.socket) -> None:
        self._unbegun.discard(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except OSError:  # whoever it was is gone, or is nobody
            connection.close()

    def _over(self, connection: socket.socket, handshake: asyncio.Task[None]) -> None:
        if connection in self._unbegun:  # cancelled before its first step: nobody else has it
            self._unbegun.discard(connection)
            connection.close()
        del self._handshakes[handshake]
        self._freed.set()
