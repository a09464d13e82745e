"""Writes of one turn of the loop to one transport, joined: a system call costs more than the bytes it carries."""

import asyncio

# From such a part on the transport gets them as they are: copying them would cost more than what joining saves.
_LONG = 8 * 1024


class TurnWriter:
    """Shared by all connections of a loop's server or client, so that a turn schedules one flush for all of them."""

    __slots__ = ("_loop", "_pending")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: dict[asyncio.Transport, list[bytes]] = {}

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        pending = self._pending
        parts = pending.get(transport)
        if parts is not None:
            parts.append(data)
            return
        if not pending:
            self._loop.call_soon(self._flush)
        pending[transport] = [data]

    def flush(self, transport: asyncio.Transport) -> None:
        """Before the transport is closed or half-closed."""
        parts = self._pending.pop(transport, None)
        if parts is not None:
            transport.write(b"".join(parts))

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        for transport, parts in pending.items():
            if not transport.is_closing():
                if len(parts) == 1:
                    transport.write(parts[0])
                elif len(parts[-1]) >= _LONG:
                    transport.writelines(parts)
                else:
                    transport.write(b"".join(parts))
