"""When to ask whether the other end is still there, and when to take it for dead."""

from enum import Enum

# Silence after which it is asked, and after that, for how long an answer may take. Who dialled tells of its load each
# second, so that the end which listens finds silence strange much earlier.
DIALLED_IDLE_SECONDS = 5.0
ACCEPTED_IDLE_SECONDS = 1.5
ANSWER_SECONDS = 3.0


class Verdict(Enum):
    ALIVE = 0
    ASK = 1
    DEAD = 2


class Keepalive:
    """Anything that is heard is a sign of life. `now` is monotonic, in seconds."""

    def __init__(self, now: float, idle_seconds: float) -> None:
        self.heard_at = now
        self.idle_seconds = idle_seconds
        self._asked_at: float | None = None

    def judge(self, now: float) -> Verdict:
        # The clock may have milliseconds only, and an answer comes within less.
        if self._asked_at is not None and self._asked_at <= self.heard_at:
            self._asked_at = None
        if self._asked_at is not None:
            return Verdict.DEAD if now - self._asked_at >= ANSWER_SECONDS else Verdict.ALIVE
        if now - self.heard_at < self.idle_seconds:
            return Verdict.ALIVE
        self._asked_at = now
        return Verdict.ASK
