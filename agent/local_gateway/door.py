"""Who may have a tunnel to a local gateway: nodes of its cluster, as the control plane has told of them last.

The site may be cut off, so two things are held less strictly than at the control plane's own gateways:
- certificates live for a day and only the control plane renews them: one that has expired since is good for as long
  again as access tokens are;
- a node that was restarted says the newest epoch that is on its disk, or 0 where it does not know: an older one than
  was seen here is that of a copy.
"""

from collections.abc import Callable
from dataclasses import replace

from homeport.core.node_identity import Refusal, Shown, refusal, refusal_of_open
from homeport.gateway.tables import GatewayTables


class SiteDoor:
    """Implements tunnel.server.Door. `wall` gives unix seconds, `grace` how long an expired certificate is good."""

    def __init__(self, tables: GatewayTables, wall: Callable[[], float], grace: Callable[[], float]) -> None:
        self._tables = tables
        self._wall = wall
        self._grace = grace
        self._seen: dict[str, int] = {}

    def refusal(self, shown: Shown, epoch: int) -> Refusal | None:
        node_id = shown.node_id
        refused = refusal(self._tables.nodes.get(node_id), self._lasting(shown), self._wall())
        if refused is not None:
            return refused
        newest = max(self._tables.epochs.get(node_id, 0), self._seen.get(node_id, 0))
        if 0 < epoch < newest:
            return Refusal.SUPERSEDED
        self._seen[node_id] = max(epoch, newest)
        return None

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        return refusal_of_open(self._tables.nodes.get(shown.node_id), self._lasting(shown), self._wall())

    def _lasting(self, shown: Shown) -> Shown:
        return replace(shown, ends_at=shown.ends_at + self._grace())
