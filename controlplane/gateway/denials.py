"""Denials that gateways have told, on their way to the audit log."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from controlplane.audit.actor import Actor
from controlplane.audit.denials import Denials
from controlplane.auth.token_facts import owner_of
from controlplane.store.store import Kind, Store
from homeport.core import canonical
from homeport.core.errors import HomeportError
from homeport.gateway.callers.denial import Denial
from homeport.gateway.callers.waiting_denials import MOST_WAITING

# So much later is it said when it was.
_LATE_SECONDS = 60.0


class GatewayDenials:
    """Writes them down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._denials = Denials(store)
        self._heard: asyncio.Queue[Denial] = asyncio.Queue(MOST_WAITING)

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
            await self._denials.note(self._actor(denial), HomeportError(denial.code, _said(denial, time.time())))

    def _actor(self, denial: Denial) -> Actor:
        token = self._store.get(Kind.ACCESS_TOKEN, denial.token_id)
        owner = owner_of(token) if token is not None else ""
        where = f"gateway of node {denial.node_id}:" if denial.node_id else "gateway"
        return Actor(owner, denial.token_id, denial.address, denial.request_id, f"{where} {denial.request}"[:300])


def _said(denial: Denial, now: float) -> str:
    """Of one that had to wait for a site's link it says when it was, by its node's clock."""
    if not denial.time or now - denial.time < _LATE_SECONDS:
        return denial.message
    moment = datetime.fromtimestamp(denial.time, UTC).isoformat(timespec="seconds")
    return f"{denial.message} (on {moment.replace('+00:00', 'Z')}, told later)"
