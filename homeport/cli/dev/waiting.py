"""Waiting for the parts to become ready."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from homeport.cli.dev.child import Child
from homeport.core.errors import ErrorCode, HomeportError

T = TypeVar("T")
_POLL_SECONDS = 0.05


def wait_for(
    poll: Callable[[], T | None], children: Sequence[Child], seconds: float, problem: Callable[[], HomeportError]
) -> T:
    """What `poll` returns once it is not None. Raises ChildDied at once, and `problem()` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        for child in children:
            child.check()
        found = poll()
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise problem()
        time.sleep(_POLL_SECONDS)


def too_slow(what: str, log_of: Child) -> HomeportError:
    return HomeportError(ErrorCode.DEADLINE_EXCEEDED, what, hint=f"the log may say why: {log_of.log}")
