"""Denials that are still to be told to whoever keeps the audit log."""

from collections.abc import Callable

from homeport.core.guessing import Guesses
from homeport.gateway.callers.denial import Denial

# As in the log itself, of one token or address a minute: a flood of one must not push out what others did.
_MOST = 30
MOST_WAITING = 1000


class WaitingDenials:
    """Kept while the control plane is away; the newest are given up where there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._noted = Guesses(_MOST)
        self._waiting: list[Denial] = []

    def note(self, denial: Denial) -> None:
        now, whose = self._clock(), denial.token_id or denial.address
        if len(self._waiting) < MOST_WAITING and not self._noted.must_wait(whose, "", now):
            self._noted.failed(whose, now)
            self._waiting.append(denial)

    def take(self) -> list[Denial]:
        taken, self._waiting = self._waiting, []
        return taken
