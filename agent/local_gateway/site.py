"""This node's part in the gateways of its site: tunnels to those of its siblings, and its own where it has one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent.link.messages import SiteUpdate
from agent.state.site_gateways import SiteGateway, SiteGatewayStore

if TYPE_CHECKING:  # without one of its own an agent does not load it
    from agent.local_gateway.local_gateway import LocalGateway


class Site:
    """`dial` gets the gateways to which tunnels are to be held."""

    def __init__(
        self, store: SiteGatewayStore, dial: Callable[[Sequence[SiteGateway]], None], own: "LocalGateway | None"
    ) -> None:
        self.own = own
        self._store = store
        self._dial = dial

    async def load(self) -> None:
        """Goes on with those that were there last, before anybody has been asked."""
        await self._store.load()
        self._dial(self._store.kept)

    @property
    def gateways(self) -> tuple[SiteGateway, ...]:
        return self._store.kept

    @property
    def announced(self) -> tuple[str, str] | None:
        """(host:port of the tunnels, what clients call it); None = this agent listens to nobody."""
        return self.own.announced if self.own is not None else None

    async def set_gateways(self, gateways: tuple[SiteGateway, ...]) -> None:
        """Raises HomeportError when the disk does not take them."""
        self._dial(gateways)
        await self._store.keep(gateways)

    async def take(self, update: SiteUpdate) -> None:
        if self.own is not None:
            await self.own.take(update)
