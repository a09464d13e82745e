"""The control plane's gateways, to which this node holds tunnels."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from agent.state.gateway_targets import GatewayTargetStore
from homeport.core.errors import HomeportError
from homeport.target import resolve_target

log = structlog.get_logger()


class Gateways:
    """`dial` gets all host:port to which tunnels are to be held."""

    def __init__(self, store: GatewayTargetStore, session_target: str, dial: Callable[[Sequence[str]], None]) -> None:
        self.targets: list[str] = []
        self._store = store
        self._session_target = session_target
        self._dial = dial
        self._told: tuple[str, ...] = ()
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Goes on with those that were told last, before anybody has been asked."""
        await self._store.load()
        self._turn_to(self._store.kept)

    def set(self, told: tuple[str, ...]) -> None:
        """They are dialled at once, and kept when the disk has time."""
        self._turn_to(told)
        self._changed.set()

    async def run(self) -> None:
        """Keeps what was told, until cancelled. What the disk does not take is told again with the next session."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._store.keep(self._told)
            except HomeportError as error:
                log.warning("the gateways that were told are not on the disk", error=str(error))

    def _turn_to(self, told: tuple[str, ...]) -> None:
        self._told = told
        self.targets = [resolve_target(target, self._session_target) for target in told]
        self._dial(self.targets)
