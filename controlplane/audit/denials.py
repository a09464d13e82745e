"""Who was not allowed to, in the audit log."""

import structlog

from controlplane.audit.actor import Actor
from controlplane.store.audit import AuditEntry, Result
from controlplane.store.store import Store
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

DENIALS = (ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED)


class Denials:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def note(self, actor: Actor, error: HomeportError) -> None:
        """The refusal stands whether or not it can be written down."""
        who = (actor.subject, actor.token_id, actor.address, actor.request_id)
        details = {"request": actor.request, "before": None, "after": None, "reason": error.message}
        action = "sign-in" if error.code is ErrorCode.UNAUTHENTICATED else "request"
        entry = AuditEntry(*who, action, "", "", Result.DENIED, details)
        try:
            await self._store.write(lambda tx: tx.audit(entry))
        except HomeportError as failure:
            log.error("a denial is not in the audit log", request_id=actor.request_id, reason=str(failure))
