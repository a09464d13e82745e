"""Which deployments share no node with which."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from controlplane.store.store import Record
from homeport.core.placement.types import Held


class Apartness:
    """It holds both ways, whichever of the two says so."""

    def __init__(self) -> None:
        self._company: dict[str, dict[str, Record | None]] = {}
        self._named: dict[str, list[str]] = {}

    def learn(self, deployments: Iterable[Record]) -> bool:
        """Of all that there are. True when somebody's company has changed."""
        by_id = {record.id: record for record in deployments}
        named = {record.id: each for record in by_id.values() if (each := _named_by(record))}
        changed = named != self._named
        self._named = named
        company: defaultdict[str, dict[str, Record | None]] = defaultdict(dict)
        for id, others in named.items():
            for other in others:
                company[id][other] = by_id.get(other)
                company[other][id] = by_id[id]
        self._company = dict(company)
        return changed

    def nodes_of_others(
        self, deployment: Record, held: Iterable[Held], taken: Callable[[str], Collection[str]]
    ) -> dict[str, str]:
        """By node, who is there. Where both are already the older one stays: one of them has to go, not both."""
        others = {**dict.fromkeys(_named_by(deployment)), **self._company.get(deployment.id, {})}
        if not others:
            return {}
        own = {each.node_id for each in held}
        found = {}
        for id, other in sorted(others.items(), key=lambda item: item[0]):
            stays = other is not None and (other.created_at, other.id) < (deployment.created_at, deployment.id)
            found.update({node_id: id for node_id in taken(id) if stays or node_id not in own})
        return found


def _named_by(deployment: Record) -> list[str]:
    named: list[str] = deployment.spec.get("affinity", {}).get("apart_from", [])
    return named
