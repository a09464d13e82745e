"""What agents may act on, by what they were given and what they have acknowledged since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.surroundings import Surroundings
from controlplane.store.store import Record
from homeport.core import canonical
from homeport.core.placement.raises import Unacked, unacked


@dataclass(frozen=True, slots=True)
class Acting:
    """Of one deployment, by node: `given` is the maximum that is written now, `most` the highest that the agent may act
    on. `away` are nodes that others do not wait for. `lowered` is what was not acknowledged by the last decision, nor
    since."""

    given: Mapping[str, int]
    most: Mapping[str, int]
    away: frozenset[str]
    lowered: tuple[Unacked, ...]

    @property
    def here(self) -> dict[str, int]:
        """Of nodes whose acknowledgement counts."""
        return {id: most for id, most in self.most.items() if id not in self.away}

    def status(self, giving: Mapping[str, int]) -> dict[str, Any]:
        """What is still open when nodes get what they are to be given now."""
        waiting = unacked(self.lowered, self.given, giving, self.most)
        away = [{"node_id": id, "max_replicas": most} for id, most in sorted(self.most.items()) if id in self.away]
        return {"unacked": canonical.to_plain(waiting), "away": away}


def acting_on(
    deployment: Record, given: Mapping[str, int], around: Surroundings, is_away: Callable[[str], bool]
) -> Acting:
    """Nodes that are deleted count no more: nobody will hear from them."""
    noted = deployment.status.get("placement", {}).get("unacked", ())
    before = (canonical.from_plain(Unacked, each) for each in noted)
    lowered = tuple(
        each for each in before if around.fleet.get(each.node_id) is not None and around.acked(each.node_id) < each.seq
    )
    most = dict(given)
    for each in lowered:
        most[each.node_id] = max(each.max_replicas, most.get(each.node_id, 0))
    return Acting(given, most, frozenset(filter(is_away, most)), lowered)


def numbered(status: dict[str, Any], seq: int) -> dict[str, Any]:
    """What is lowered by this very write waits for the acknowledgement of it."""
    numbered_now = _numbered(status, seq)
    if "tracks" in status:
        numbered_now["tracks"] = {id: _numbered(track, seq) for id, track in status["tracks"].items()}
    return numbered_now


def _numbered(status: dict[str, Any], seq: int) -> dict[str, Any]:
    found = status["placement"]
    unacked = [{**each, "seq": each["seq"] or seq} for each in found["unacked"]]
    return {**status, "placement": {**found, "unacked": unacked}}
