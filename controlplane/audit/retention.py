"""Old entries of the audit log go."""

import asyncio
from collections.abc import Callable

import structlog

from controlplane.store.store import Store
from homeport.core.errors import HomeportError

log = structlog.get_logger()

_DAY = 86_400.0
_EVERY_SECONDS = 3600.0


async def keep_for(store: Store, days: float, wall: Callable[[], float]) -> None:
    """Until cancelled."""
    while True:
        try:
            forgotten = await store.forget_audit(wall() - days * _DAY)
        except HomeportError as error:
            log.warning("old audit entries stay for now", reason=str(error))
        else:
            if forgotten:
                log.info("audit entries forgotten", entries=forgotten, older_than_days=days)
        await asyncio.sleep(_EVERY_SECONDS)
