"""Which deployments share no node with which."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from controlplane.store.store import Record
from homeport.core.placement.types import Held


class Apartness:
    """It holds both ways, whichever of the two says so."""

    def __init__(self) -> None:
        self._named: dict[str, list[str]] = {}
        self._named_by: defaultdict[str, set[str]] = defaultdict(set)

    def learn(self, deployment_id: str, deployment: Record | None) -> bool:
        """As it is now; None = it is gone. True when somebody's company has changed."""
        before, after = self._named.get(deployment_id, []), _named_by(deployment)
        if before == after:
            return False
        for other in before:
            self._named_by[other].discard(deployment_id)
        for other in after:
            self._named_by[other].add(deployment_id)
        self._named[deployment_id] = after
        if not after:
            del self._named[deployment_id]
        return True

    def nodes_of_others(
        self,
        deployment: Record,
        held: Iterable[Held],
        taken: Callable[[str], Collection[str]],
        find: Callable[[str], Record | None],
    ) -> dict[str, str]:
        """By node, who is there. Where both are already the older one stays: one of them has to go, not both. `find`
        gives another deployment by its id."""
        others = {*_named_by(deployment), *self._named_by.get(deployment.id, ())}
        if not others:
            return {}
        own = {each.node_id for each in held}
        found = {}
        for id in sorted(others):
            other = find(id)
            stays = other is not None and (other.created_at, other.id) < (deployment.created_at, deployment.id)
            found.update({node_id: id for node_id in taken(id) if stays or node_id not in own})
        return found


def _named_by(deployment: Record | None) -> list[str]:
    named: list[str] = deployment.spec.get("affinity", {}).get("apart_from", []) if deployment else []
    return named
