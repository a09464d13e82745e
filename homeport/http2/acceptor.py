"""Takes connections in, so many handshakes at a time.

After an outage a whole fleet dials at once. Handshakes that all go on together all end late, many too late for those
who wait, and meanwhile nobody hears those that are in already. What is not taken yet waits with the kernel.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

_AT_ONCE = 64
# After so long a handshake makes room for the next one, if there is one: nobody keeps others out by saying nothing.
_PATIENCE_SECONDS = 2.0
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0
# Until there may be files to open again.
_PAUSE_SECONDS = 0.1
_BACKLOG = 4096


class Acceptor:
    def __init__(self, host: str, port: int, tls: ssl.SSLContext, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Raises OSError."""
        self._tls = tls
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        # Two servers on one port would silently share the agents between them.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=False)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        # In the order in which they began, and when.
        self._handshakes: dict[asyncio.Task[None], float] = {}
        self._freed = asyncio.Event()
        self._task = asyncio.create_task(self._accept(), name=f"accept-{self.port}")

    async def close(self) -> None:
        """Takes nobody in any more."""
        self._task.cancel()
        for handshake in list(self._handshakes):
            handshake.cancel()
        await asyncio.gather(self._task, *self._handshakes, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        while True:
            await self._until_room()
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            handshake = asyncio.create_task(self._shake_hands(connection))
            self._handshakes[handshake] = self._loop.time()
            handshake.add_done_callback(self._over)

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

    def _over(self, handshake: asyncio.Task[None]) -> None:
        del self._handshakes[handshake]
        self._freed.set()
