"""What this node does while the control plane does not answer, and when it asks again.

Alone, the agent
- keeps every replica running and restarts those that fail,
- keeps scaling inside the budgets that it was granted last,
- starts its last desired state after a restart of the agent or the host,
- keeps what it has to tell: the next Hello says it all,
- tries to get home again, for ever.
It never stops a replica because nobody answered, but where its deployment asks for that (agent/scaling/solitude.py); it
raises no budget of its own, and takes no news from anybody else.

None of this is a mode: reconciling, scaling and serving never wait for the link, so nothing changes when it is lost.
What is decided here is only how the end of a session is answered.
"""

from dataclasses import dataclass

from agent.backoff import backoff_seconds
from agent.link.messages import LINK_LOST, Goodbye

_BASE_SECONDS = 0.5
_CAP_SECONDS = 5.0

# The least time before the next try, and what a person should know.
_FIXED = {
    "SUPERSEDED": (30.0, "another agent uses this identity; if none should, this state directory was copied"),
    "SERVER_STOPPING": (0.0, ""),
    "EXPIRED": (0.0, ""),
    "CLONE": (900.0, "another host has this identity, or this state directory is an older copy of it"),
    "MUST_REENROL": (900.0, "join again with a new token and an empty state directory; what runs keeps running"),
    "NOT_ENROLLED": (60.0, "join again with a new token and an empty state directory; what runs keeps running"),
    "LOCKED": (10.0, "an administrator locked this node: homeport node unlock NODE"),
    "TOO_OLD": (300.0, "this agent is too old for the control plane; upgrade it"),
    "INVALID": (60.0, "the control plane refused what this agent sent; versions may not fit"),
}


@dataclass(frozen=True, slots=True)
class Retry:
    """`advice` is empty where waiting is all that is needed. With `recover` a new certificate is asked for first."""

    after_seconds: float
    advice: str = ""
    recover: bool = False


def answer_to(goodbye: Goodbye, failures: int, jitter: float) -> Retry:
    """When to dial again. `failures`: ends in a row without a welcome; `jitter` is a random number in [0, 1)."""
    delay = backoff_seconds(failures, _BASE_SECONDS, _CAP_SECONDS, jitter)
    if goodbye.reason == LINK_LOST:
        return Retry(delay)
    least, advice = _FIXED.get(goodbye.reason, (_FIXED["INVALID"][0], ""))
    return Retry(max(least, goodbye.retry_after_seconds) + delay, advice, recover=goodbye.reason == "EXPIRED")


def patience_of(reason: str) -> float:
    """Seconds to wait at least after a refusal for that reason; 0 for a failure that has none."""
    return _FIXED[reason][0] if reason in _FIXED else 0.0
