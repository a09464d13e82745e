"""Who makes room for a deployment of higher priority whose minimum finds none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeport.core.placement.covering import covering
from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Candidate, Taken, Wanted

# Of the nodes on which there could be room, those that are looked at closely.
_MOST_NODES = 16


class Preemption(StrEnum):
    NEVER = "never"
    LOWER_PRIORITY = "lower_priority"


@dataclass(frozen=True, slots=True, eq=False)
class Victim:
    """A placement of `least` to `replicas` that may be evicted: nothing of its deployment is on its way."""

    deployment_id: str
    node_id: str
    priority: int
    least: int
    replicas: int

    @property
    def key(self) -> tuple[str, str]:
        return self.deployment_id, self.node_id


def choose_victims(
    wanted: Wanted,
    priority: int,
    fleet: Fleet,
    victims: Mapping[str, Sequence[Victim]],
    fits_elsewhere: Callable[[Victim], bool],
) -> tuple[Victim, ...]:
    """All on one node, and enough for one more replica of what is `wanted`; () = even that would not help.

    Only those of lower priority: the lowest first, then those that find a place elsewhere, then those whose minimum
    that costs least. `victims` are by node.
    """
    options = []
    for tier, pools in enumerate(wanted.tiers):
        for node in fleet.in_pools(pools):
            going = _on(node, wanted, priority, fleet, victims.get(node.node_id, ()))
            if going:
                lost = sum(each.least for each in going), sum(each.replicas for each in going)
                options.append((max(each.priority for each in going), *lost, tier, node.node_id, going))
    best = sorted(options, key=lambda option: option[:-1])[:_MOST_NODES]
    return min(
        (option[-1] for option in best),
        key=lambda going: (max(each.priority for each in going), sum(not fits_elsewhere(each) for each in going)),
        default=(),
    )


def _on(
    node: Candidate, wanted: Wanted, priority: int, fleet: Fleet, victims: Sequence[Victim]
) -> tuple[Victim, ...] | None:
    held = next((held for held in wanted.held if held.node_id == node.node_id), None)
    if not node.takes_new or bar(node, wanted, held) is not None:
        return None
    here = fleet.ledger.on(node.node_id)
    # A minimum finds room beside minima: that is what leaving gives back.
    taken: dict[Victim, Taken] = {}
    for each in victims:
        if each.priority < priority and each.deployment_id != wanted.deployment_id and each.deployment_id in here:
            all_of_it = here[each.deployment_id]
            taken[each] = all_of_it.least or all_of_it
    return covering(node, wanted.needs, fleet.left(node.node_id).shared(), taken) if taken else None
