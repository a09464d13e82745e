"""When to ask whether the other end is still there, and when to take it for dead."""

from enum import Enum

# A look that comes this late means that this process stood still: what was sent to it meanwhile is still unread.
_LATE_SECONDS = 1.0


class Verdict(Enum):
    ALIVE = 0
    ASK = 1
    DEAD = 2


class Keepalive:
    """Anything that is heard is a sign of life. `now` is monotonic, in seconds; judge at `next_look`.

    After `ask_seconds` of silence of either end the other one is asked, and has `answer_seconds`.
    """

    def __init__(self, now: float, ask_seconds: float, answer_seconds: float) -> None:
        self._ask_seconds = ask_seconds
        self._answer_seconds = answer_seconds
        self.heard_at = now
        # A question is also a sign of life to the other end, whose own may be stuck behind what it sends.
        self.said_at = now
        self._asked_at: float | None = None
        self.next_look = now + ask_seconds

    def judge(self, now: float) -> Verdict:
        is_late = now - self.next_look > _LATE_SECONDS
        # The clock may have milliseconds only, and an answer comes within less.
        if self._asked_at is not None and (self._asked_at <= self.heard_at or is_late):
            self._asked_at = None
        verdict = Verdict.ALIVE
        if self._asked_at is not None and now >= self._dead_at(self._asked_at):
            verdict = Verdict.DEAD
        elif now >= self._ask_at():
            verdict = Verdict.ASK
            self.said_at = now
            if self._asked_at is None:
                self._asked_at = now
        self.next_look = self._ask_at()
        if self._asked_at is not None:
            self.next_look = min(self.next_look, self._dead_at(self._asked_at))
        return verdict

    def _ask_at(self) -> float:
        quiet_since = self.said_at if self._asked_at is not None else min(self.heard_at, self.said_at)
        return quiet_since + self._ask_seconds

    def _dead_at(self, asked_at: float) -> float:
        return max(asked_at, self.heard_at + self._ask_seconds) + self._answer_seconds
