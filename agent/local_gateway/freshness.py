"""How old is what a local gateway knows: access tokens are accepted for so long after the control plane was heard."""

import math
from collections.abc import Callable

from agent.state.site import LastHeard

# The control plane is here.
_LINKED_SECONDS = 30.0


def silence(heard: LastHeard | None, boot_id: str, uptime: float, wall: float) -> float:
    """Seconds since then. After a boot by the wall clock, and for as long as the host runs at least: that clock may
    have been set back."""
    if heard is None:
        return math.inf
    if heard.boot_id == boot_id:
        return max(0.0, uptime - heard.uptime)
    return max(uptime, wall - heard.wall)


class Freshness:
    """`heard_ago`: seconds since this agent heard the control plane; None = never. `limit` seconds are those that the
    control plane allows."""

    def __init__(
        self,
        boot_id: str,
        uptime: Callable[[], float],
        wall: Callable[[], float],
        heard_ago: Callable[[], float | None],
    ) -> None:
        self.limit = 0.0
        self._boot_id = boot_id
        self._uptime = uptime
        self._wall = wall
        self._heard_ago = heard_ago
        self._heard: LastHeard | None = None

    def load(self, heard: LastHeard | None, limit: float) -> None:
        """As the disk has it."""
        self._heard, self.limit = heard, limit

    @property
    def is_linked(self) -> bool:
        ago = self._heard_ago()
        return ago is not None and ago < _LINKED_SECONDS

    def heard(self) -> LastHeard | None:
        """For the disk."""
        ago = self._heard_ago()
        if ago is not None:
            self._heard = LastHeard(self._boot_id, self._uptime() - ago, self._wall() - ago)
        return self._heard

    @property
    def left(self) -> float:
        """Seconds for which tokens are accepted yet, should nothing more be heard. Not above 0: they are not."""
        return self.limit - silence(self.heard(), self._boot_id, self._uptime(), self._wall())
