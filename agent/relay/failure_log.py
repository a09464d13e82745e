"""Requests that were lost at a replica, in the agent's log: with their ids, and not a flood of them."""

from collections.abc import Callable

import structlog

from homeport.tunnel.opening import Opening

log = structlog.get_logger()

_PER_SECOND = 5
_ID = b"\r\nx-request-id: "


class FailureLog:
    """Of one deployment."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since = monotonic()
        self._noted = 0

    def note(self, opening: Opening, replica_id: str, reason: str) -> None:
        """`unsaid`: how many before it are not in the log, of its second."""
        now, unsaid = self._monotonic(), max(0, self._noted - _PER_SECOND)
        if now - self._since >= 1.0:
            self._since, self._noted = now, 0
        self._noted += 1
        if self._noted <= _PER_SECOND:
            log.warning(
                "a request was lost at its replica",
                request_id=request_id_of(opening.head),
                deployment=opening.deployment_id,
                replica=replica_id,
                reason=reason,
                **({"unsaid": unsaid} if unsaid else {}),
            )


def request_id_of(head: bytes) -> str:
    """The gateway puts it last; empty where it is not."""
    return head.rpartition(_ID)[2].strip().decode("latin-1") if _ID in head else ""
