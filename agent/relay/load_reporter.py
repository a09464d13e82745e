"""Tells the gateways what is ready here and how busy it is."""

import asyncio
from collections.abc import Callable, Iterable

from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad, pack_load

# Counts change with every request; gateways know their own part of them.
_COALESCE_SECONDS = 0.05


class LoadReporter:
    def __init__(self, loads: Callable[[], list[DeploymentLoad]], links: Callable[[], Iterable[Link]]) -> None:
        self._loads = loads
        self._links = links
        self._timer: asyncio.Handle | None = None
        self._urgent = False

    def changed(self, urgent: bool) -> None:
        """`urgent`: replicas came or went, which decides where requests go; at the end of this turn then."""
        if self._timer is not None:
            if self._urgent or not urgent:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._urgent = urgent
        self._timer = loop.call_soon(self.report) if urgent else loop.call_later(_COALESCE_SECONDS, self.report)

    def report(self) -> None:
        """Also each second: it says that the node is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        payload = pack_load(self._loads())
        for link in self._links():
            link.send_load(payload)
