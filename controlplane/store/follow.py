"""Following the store: everything once, then what changes."""

from collections.abc import Callable

import structlog

from controlplane.store.store import Change, Store
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()


async def follow(store: Store, load: Callable[[], None], update: Callable[[list[Change]], None]) -> None:
    """Until the store closes. Who falls behind the change log loads everything again."""
    while True:
        load()
        try:
            async for changes in store.changes():
                update(changes)
            return
        except HomeportError as error:
            if error.code is not ErrorCode.CONFLICT:
                raise
            log.warning("fell behind the change log, loading everything again", error=str(error))
