"""The node's tunnels to the gateways: dialled while there is something to serve, and kept up."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence

from agent.relay.dialer import Dialer
from agent.relay.relay import Relay

_TICK_SECONDS = 1.0
_DRAIN_LOOK_SECONDS = 0.05


class Tunnels:
    """`tls` and `epoch` are asked anew for each dial: both change while the agent runs."""

    def __init__(
        self,
        relay: Relay,
        tls: Callable[[], ssl.SSLContext],
        epoch: Callable[[], int],
    ) -> None:
        self._relay = relay
        self._tls = tls
        self._epoch = epoch
        self._dialers: dict[str, tuple[Dialer, asyncio.Task[None]]] = {}
        self._ticking: asyncio.Task[None] | None = None
        relay.on_needed = self._look

    def set_targets(self, targets: Sequence[str]) -> None:
        """host:port of each tunnel port. Tunnels to targets that are no longer listed end."""
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick(), name="relay-tick")
        for target in self._dialers.keys() - set(targets):
            _, task = self._dialers.pop(target)
            task.cancel()
        for target in targets:
            if target not in self._dialers:
                dialer = Dialer(target, self._relay, self._tls, self._epoch)
                self._dialers[target] = dialer, asyncio.create_task(dialer.run(), name=f"dialer {target}")

    def renew(self) -> None:
        """There is a new certificate: every tunnel is dialled anew, and the old one ends once its requests have."""
        for dialer, _ in self._dialers.values():
            dialer.renew()

    async def close(self, drain_seconds: float) -> None:
        """Sends new requests elsewhere, lets those in flight finish for up to `drain_seconds`, then hangs up."""
        self._relay.go_away()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                while self._relay.in_flight:  # noqa: ASYNC110 - at the end only, and nobody else needs the event
                    await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        tasks = [task for _, task in self._dialers.values()]
        if self._ticking is not None:
            tasks.append(self._ticking)
        self._dialers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self) -> None:
        for dialer, _ in self._dialers.values():
            dialer.look()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._relay.tick()
