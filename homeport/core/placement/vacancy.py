"""Whether replicas would find room on a node, or on any other than theirs."""

from itertools import islice

from homeport.core.packing.fitting import Fitting
from homeport.core.placement.filter import bar, shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Wanted

# Nodes that are looked at for one that would have to leave, the best first.
_MOST_NODES = 8


def has_room(wanted: Wanted, node_id: str, replicas: int, fleet: Fleet) -> bool:
    return _has_room(wanted, node_id, replicas, fleet, fleet.packer.fit(shape_of(wanted.needs)))


def fits_elsewhere(wanted: Wanted, node_id: str, replicas: int, fleet: Fleet) -> bool:
    """On one other node, all of them."""
    fitting = fleet.packer.fit(shape_of(wanted.needs))
    best = islice(fitting.best_first(fleet.open_rows(wanted.nodepools, wanted)), _MOST_NODES)
    return any(id != node_id and _has_room(wanted, id, replicas, fleet, fitting) for id in best)


def _has_room(wanted: Wanted, node_id: str, replicas: int, fleet: Fleet, fitting: Fitting) -> bool:
    return bar(fleet.node(node_id), wanted, None) is None and fitting.room(node_id) >= replicas
