"""Old history goes: so much stays for each deployment, and nothing of those that are gone."""

import asyncio
from collections.abc import Callable

import structlog

from controlplane.store.history import Retention
from controlplane.store.store import Kind, Store
from homeport.core.errors import HomeportError

log = structlog.get_logger()

# So that the same day of last week can be replayed.
TRAFFIC_DAYS = 8
# More than a year, for whoever settles accounts.
USAGE_DAYS = 400
_DAY = 86_400.0
_EVERY_SECONDS = 3600.0


async def trim(store: Store, wall: Callable[[], float]) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        retention = Retention(
            deployments=frozenset(each.id for each in store.all(Kind.DEPLOYMENT)),
            nodes=frozenset(each.id for each in store.all(Kind.NODE)),
            traffic_since=wall() - TRAFFIC_DAYS * _DAY,
            usage_since=wall() - USAGE_DAYS * _DAY,
        )
        try:
            gone = await store.trim_history(retention)
        except HomeportError as error:
            log.warning("old history stays for now", reason=str(error))
        else:
            log.debug("history trimmed", rows=gone)
