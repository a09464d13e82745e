"""What access tokens asked of this node through local gateways: added up here, and told as a part of its history."""

import asyncio
from collections.abc import Callable

from homeport.core.history.token_usage import TokenUsage
from homeport.core.rollout.track import deployment_of

_LOOK_SECONDS = 10.0
# Into the history: soon while somebody hears of it, else seldom, since it waits there.
_LINKED_SECONDS = 60.0
_ALONE_SECONDS = 600.0

Add = Callable[[str, float, TokenUsage], None]


class UsageCounter:
    """`add(deployment_id, time, usage)` takes an entry; `linked` says whether the control plane is here."""

    def __init__(
        self, add: Add, monotonic: Callable[[], float], wall: Callable[[], float], linked: Callable[[], bool]
    ) -> None:
        self._add = add
        self._monotonic = monotonic
        self._wall = wall
        self._linked = linked
        self._counts: dict[tuple[str, str], TokenUsage] = {}
        self._began = 0.0

    def note(self, track_id: str, token_id: str, tokens: int) -> None:
        """A request had its whole answer, which brought so many tokens."""
        if not self._counts:
            self._began = self._monotonic()
        deployment_id = deployment_of(track_id)
        before = self._counts.get((deployment_id, token_id), TokenUsage(token_id))
        self._counts[deployment_id, token_id] = TokenUsage(token_id, before.requests + 1, before.tokens + tokens)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        due = _LINKED_SECONDS if self._linked() else _ALONE_SECONDS
        if self._counts and self._monotonic() - self._began >= due:
            self.tell()

    def tell(self) -> None:
        counts, self._counts = self._counts, {}
        for (deployment_id, _), usage in counts.items():
            self._add(deployment_id, self._wall(), usage)
