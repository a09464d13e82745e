"""Denials on their way from a gateway to the audit log."""

import asyncio
from collections.abc import Callable
from typing import Any

from controlplane.audit.actor import Actor
from controlplane.audit.denials import Denials
from controlplane.auth.token_facts import owner_of
from controlplane.store.store import Kind, Store
from homeport.core import canonical
from homeport.core.errors import HomeportError
from homeport.core.guessing import Guesses
from homeport.gateway.callers.denial import Denial

# As in the log itself, of one token or address a minute: a flood of one must not push out what others did.
_MOST = 30
_MOST_WAITING = 1000


class WaitingDenials:
    """The gateway's side: kept while the control plane is away, and the newest given up where there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._noted = Guesses(_MOST)
        self._waiting: list[Denial] = []

    def note(self, denial: Denial) -> None:
        now, whose = self._clock(), denial.token_id or denial.address
        if len(self._waiting) < _MOST_WAITING and not self._noted.must_wait(whose, "", now):
            self._noted.failed(whose, now)
            self._waiting.append(denial)

    def take(self) -> list[dict[str, Any]]:
        taken, self._waiting = self._waiting, []
        return [canonical.to_plain(denial) for denial in taken]


class GatewayDenials:
    """The control plane's side: writes them down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._denials = Denials(store)
        self._heard: asyncio.Queue[Denial] = asyncio.Queue(_MOST_WAITING)

    def hear(self, plain: list[dict[str, Any]]) -> None:
        for each in plain:
            self.note(canonical.from_plain(Denial, each))

    def note(self, denial: Denial) -> None:
        if not self._heard.full():
            self._heard.put_nowait(denial)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            denial = await self._heard.get()
            await self._denials.note(self._actor(denial), HomeportError(denial.code, denial.message))

    def _actor(self, denial: Denial) -> Actor:
        token = self._store.get(Kind.ACCESS_TOKEN, denial.token_id)
        owner = owner_of(token) if token is not None else ""
        return Actor(owner, denial.token_id, denial.address, denial.request_id, f"gateway {denial.request}"[:300])
