"""The node's tunnels to the gateways: dialled while there is something to serve, and kept up."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence

from agent.relay.dialer import Dialer
from agent.relay.relay import Relay
from agent.state.site_gateways import SiteGateway
from homeport.tunnel.link import Link

_TICK_SECONDS = 1.0
_DRAIN_LOOK_SECONDS = 0.05


class Tunnels:
    """`tls` and `epoch` are asked anew for each dial: both change while the agent runs; `site_tls` is for the local
    gateways of this site. `on_answered(deployment id, token id, tokens)` hears of requests that came through one of
    those and had their whole answer."""

    def __init__(
        self,
        relay: Relay,
        tls: Callable[[], ssl.SSLContext],
        epoch: Callable[[], int],
        site_tls: Callable[[], ssl.SSLContext] | None = None,
        on_answered: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._relay = relay
        self._tls = tls
        self._epoch = epoch
        self._site_tls = site_tls or tls
        self._on_answered = on_answered
        # By node of a local gateway, or nothing, and target.
        self._dialers: dict[tuple[str, str], tuple[Dialer, asyncio.Task[None]]] = {}
        self._ticking: asyncio.Task[None] | None = None
        relay.on_needed = self._look

    def set_targets(self, targets: Sequence[str]) -> None:
        """host:port of each tunnel port of the control plane's gateways. Tunnels to those that are no longer listed
        end."""
        self._set({("", target) for target in targets}, {key for key in self._dialers if not key[0]})

    def set_site_gateways(self, gateways: Sequence[SiteGateway]) -> None:
        """The same of local gateways."""
        wanted = {(gateway.node_id, gateway.target) for gateway in gateways}
        self._set(wanted, {key for key in self._dialers if key[0]})

    def attach_here(self, link: Link) -> None:
        """The local gateway of this very node."""
        self._tick_from_now_on()
        link.on_answered = self._on_answered
        self._relay.add_link(link)

    def _set(self, wanted: set[tuple[str, str]], present: set[tuple[str, str]]) -> None:
        self._tick_from_now_on()
        for key in present - wanted:
            _, task = self._dialers.pop(key)
            task.cancel()
        for key in sorted(wanted - present):
            dialer = self._dialer(*key)
            self._dialers[key] = dialer, asyncio.create_task(dialer.run(), name=f"dialer {key[1]}")

    def _dialer(self, site_node: str, target: str) -> Dialer:
        if not site_node:
            return Dialer(target, self._relay, self._tls, self._epoch)
        return Dialer(target, self._relay, self._site_tls, self._epoch, site_node, self._on_answered)

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

    def _tick_from_now_on(self) -> None:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick(), name="relay-tick")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._relay.tick()
