"""All nodes as the scheduler sees them, and what is left on each. It lives on between decisions and is told what
changes: that is what makes a decision cheap."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import NodeCapacity
from homeport.core.packing.packer import Packer
from homeport.core.packing.shape import Shape
from homeport.core.placement.affinity import NO_AFFINITY, Affinity
from homeport.core.placement.filter import bar
from homeport.core.placement.ledger import Ledger, Left
from homeport.core.placement.preferences import Preferences
from homeport.core.placement.types import Candidate, Free, Taken, Wanted
from homeport.core.requirements import ANY_HOST, Requirements

Ints = NDArray[np.int64]
# What `bar` looks at, but for what is said of single nodes: driver, residency, requirements, labels, and whether GPUs
# are wanted of a container engine.
_Constraints = tuple[str, tuple[tuple[str, str], ...], Requirements | None, Affinity | None, bool]


class Fleet:
    """Equal fleets answer equally, in whatever order they came to be, but for what they have learned of demand."""

    def __init__(self) -> None:
        self.packer = Packer()
        # Nodes on which others' maxima may be claimed once more, by what is left then.
        self.shared = Packer()
        self._shareable: set[str] = set()
        self.ledger = Ledger()
        # Counts changes of any kind.
        self.version = 0
        self._nodes: dict[str, Candidate] = {}
        self._left: dict[str, Left] = {}
        self._pools: defaultdict[str, dict[str, Candidate]] = defaultdict(dict)
        # Of each nodepool: which rows take something new, by id. Forgotten when one of its nodes changes.
        self._open: defaultdict[str, dict[_Constraints, Ints]] = defaultdict(dict)
        self._preferences = Preferences(self.packer.row)
        self._asked: dict[str, Shape] = {}

    # -- what it is told

    def put(self, node: Candidate) -> None:
        """A new node, or a known one as it is now."""
        known = self._nodes.get(node.node_id)
        if known is not None and known.nodepool != node.nodepool:
            del self._pools[known.nodepool][node.node_id]
            self._open.pop(known.nodepool, None)
            self._preferences.remove(known)
        self._nodes[node.node_id] = self._pools[node.nodepool][node.node_id] = node
        self._open.pop(node.nodepool, None)
        self._preferences.put(node)
        left = self._left[node.node_id] = Left(node.inventory, node.overcommit)
        for taken in self.ledger.on(node.node_id).values():
            left.take(taken)
        self._update(node.node_id)

    def remove(self, node_id: str) -> None:
        """What was taken there stays in the ledger until it is released."""
        node = self._nodes.pop(node_id)
        del self._pools[node.nodepool][node_id]
        del self._left[node_id]
        self._open.pop(node.nodepool, None)
        self._preferences.remove(node)
        self.packer.remove(node_id)
        if node_id in self._shareable:
            self._shareable.remove(node_id)
            self.shared.remove(node_id)
        self.version += 1

    def take(self, deployment_id: str, taken: Mapping[str, Taken]) -> None:
        """By node: all that the deployment may take from now on."""
        before = self.ledger.put(deployment_id, taken)
        for node_id in {**before, **taken}:
            left = self._left.get(node_id)
            if left is not None and before.get(node_id) != taken.get(node_id):
                if node_id in before:
                    left.give_back(before[node_id])
                if node_id in taken:
                    left.take(taken[node_id])
                self._update(node_id)

    def release(self, deployment_id: str) -> None:
        self.take(deployment_id, {})

    def ask(self, deployment_id: str, shape: Shape, replicas: int) -> None:
        """A deployment counts once into what is typically asked for, however often it is looked at."""
        if self._asked.get(deployment_id) != shape:
            self._asked[deployment_id] = shape
            self.packer.asked_for(shape, replicas)

    def forget_gone(self, deployment_ids: Collection[str]) -> None:
        """`deployment_ids` are all that there are. Looks closer only when half of what is noted may be of no use."""
        if len(self._asked) > 2 * len(deployment_ids):
            self._asked = {id: shape for id, shape in self._asked.items() if id in deployment_ids}

    # -- what it answers

    def taken(self, deployment_id: str) -> dict[str, Taken]:
        """By node: what the deployment may take."""
        return self.ledger.of(deployment_id)

    def get(self, node_id: str) -> Candidate | None:
        return self._nodes.get(node_id)

    def node(self, node_id: str) -> Candidate:
        return self._nodes[node_id]

    def free(self, node_id: str) -> Free:
        """What nobody claims there."""
        return self._left[node_id].free()

    def left(self, node_id: str) -> Left:
        return self._left[node_id]

    @property
    def has_shareable(self) -> bool:
        return bool(self._shareable)

    def may_share(self, node_id: str) -> bool:
        """Whether others' maxima may be claimed there once more."""
        return node_id in self._shareable

    def shareable(self, pools: Iterable[str], wanted: Wanted) -> list[str]:
        """Such nodes that nothing bars from a first replica, those with the least use to be expected first."""
        if not self._shareable:
            return []
        nodes = [node for node in self.in_pools(pools) if node.node_id in self._shareable]
        taking = [node.node_id for node in nodes if bar(node, wanted, held=None) is None]
        return sorted(taking, key=lambda node_id: self._left[node_id].expected())

    def in_pools(self, pools: Iterable[str]) -> Iterator[Candidate]:
        """By pool, then by id."""
        for key in pools:
            nodes = self._pools.get(key, {})
            yield from (nodes[node_id] for node_id in sorted(nodes))

    def open_rows(self, pools: Iterable[str], wanted: Wanted) -> Ints:
        """The packer's rows of the nodes that nothing bars from a first replica, but that they may have refused it,
        that it is to stay apart from what is there, or has to leave it to another."""
        rows = [self._open_in(pool, wanted) for pool in pools]
        return rows[0] if len(rows) == 1 else np.concatenate([np.zeros(0, dtype=np.int64), *rows])

    def bonus(self, pools: Iterable[str], rows: Ints, wanted: Wanted) -> Ints | None:
        """How much each of these rows, which are nodes of these nodepools, is preferred beside its packing; None = all
        alike."""
        if not (wanted.image or wanted.affinity.prefer):
            return None
        return self._preferences.bonus(wanted, rows, pools, lambda pool: self._pools.get(pool, {}).values())

    def _open_in(self, pool: str, wanted: Wanted) -> Ints:
        constraints = _constraints(wanted)
        rows = self._open[pool].get(constraints)
        if rows is None:
            anyone = replace(wanted, refused={}, apart={}, evicted={})
            taking = [node.node_id for node in self.in_pools([pool]) if bar(node, anyone, held=None) is None]
            rows = np.array([self.packer.row(node_id) for node_id in taking], dtype=np.int64)
            self._open[pool][constraints] = rows
        return rows

    def _update(self, node_id: str) -> None:
        left = self._left[node_id]
        self.packer.put(_capacity(node_id, left, left.free()))
        if left.may_be_shared:
            self._shareable.add(node_id)
            self.shared.put(_capacity(node_id, left, left.shared()))
        elif node_id in self._shareable:
            self._shareable.remove(node_id)
            self.shared.remove(node_id)
        self.version += 1


def _capacity(node_id: str, left: Left, free: Free) -> NodeCapacity:
    return NodeCapacity(
        node_id,
        free.cpu_milli,
        free.memory_bytes,
        left.classes,
        free.devices,
        free.disk_bytes,
        free.network_mbps,
    )


def _constraints(wanted: Wanted) -> _Constraints:
    """None for those that most deployments have: this is asked at each decision."""
    return (
        wanted.driver,
        tuple(sorted(wanted.residency.items())) if wanted.residency else (),
        None if wanted.requires is ANY_HOST else wanted.requires,
        None if wanted.affinity is NO_AFFINITY else wanted.affinity,
        wanted.driver == "docker" and wanted.needs.accelerators > 0,
    )
