"""Who was not allowed to, in the audit log."""

import time
from collections.abc import Callable

import structlog

from controlplane.audit.actor import Actor
from controlplane.store.audit import AuditEntry, Result
from controlplane.store.store import Store
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses

log = structlog.get_logger()

_MOST = 30
DENIALS = (ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED)


class Denials:
    """So many a minute of one token, or of one address without a valid one: nobody can fill the disk with them."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._written = Guesses(_MOST)

    async def note(self, actor: Actor, error: HomeportError) -> None:
        """The refusal stands whether or not it can be written down."""
        now, whose = self._clock(), actor.token_id or actor.address
        if self._written.must_wait(whose, "", now):
            return
        self._written.failed(whose, now)
        who = (actor.subject, actor.token_id, actor.address, actor.request_id)
        details = {"request": actor.request, "before": None, "after": None, "reason": error.message}
        action = "sign-in" if error.code is ErrorCode.UNAUTHENTICATED else "request"
        kind, id = actor.tried or ("", "")
        entry = AuditEntry(*who, action, kind, id, Result.DENIED, details)
        try:
            await self._store.write(lambda tx: tx.audit(entry))
        except HomeportError as failure:
            log.error("a denial is not in the audit log", request_id=actor.request_id, reason=str(failure))
