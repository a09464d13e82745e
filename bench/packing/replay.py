"""Pods arrive one by one; each is placed for good or dropped."""

import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from bench.packing.trace import DRIVER, arrivals, demand
from homeport.core.packing.shape import WHOLE
from homeport.core.placement.filter import shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus

MARKS = (75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130)
POOL = "openb/all"


class Replay:
    """Of one seed. Nodes are named in an order of the seed's own: it decides between equals."""

    def __init__(self, nodes: Sequence[Inventory], pods: Sequence[ComputeNeeds], seed: int) -> None:
        self.fleet = Fleet()
        # By deployment: what it asks for and the node that it got.
        self.placed: dict[str, tuple[Wanted, str]] = {}
        self.dropped: list[Wanted] = []
        self.capacity = WHOLE * sum(len(node.gpus) for node in nodes)
        self.allocated = 0
        self.seconds: list[float] = []
        rng = random.Random(seed)
        order = list(nodes)
        rng.shuffle(order)
        for number, inventory in enumerate(order):
            node_id = f"{number:05}-{inventory.hostname}"
            self.fleet.put(Candidate(node_id, inventory.hostname, POOL, NodeStatus.READY, inventory))
        self._arriving = deque(
            Wanted(f"pod-{number}", DRIVER, needs, Scaling(), ((POOL,),))
            for number, needs in enumerate(arrivals(pods, self.capacity, rng))
        )
        self._arrived = 0

    @property
    def unallocated_percent(self) -> float:
        return 100 * (1 - self.allocated / self.capacity)

    def until(self, mark: int) -> None:
        """Until the demand that has arrived reaches so many percent of the devices."""
        while self._arriving and self._arrived * 100 < mark * self.capacity:
            wanted = self._arriving.popleft()
            self._arrived += demand(wanted.needs)
            if not self.try_to_place(wanted):
                self.dropped.append(wanted)

    def try_to_place(self, wanted: Wanted) -> bool:
        begin = time.perf_counter()
        plan = place(wanted, self.fleet)
        self.seconds.append(time.perf_counter() - begin)
        for budget in plan.budgets:
            self.placed[wanted.deployment_id] = wanted, budget.node_id
            self.allocated += demand(wanted.needs)
        return bool(plan.budgets)


def measure_replay(nodes: Sequence[Inventory], pods: Sequence[ComputeNeeds], seed: int, learn: bool) -> dict[str, Any]:
    """Without `learn` the whole trace is known beforehand."""
    replay = Replay(nodes, pods, seed)
    if not learn:
        for number, needs in enumerate(pods):
            replay.fleet.ask(f"known-{number}", shape_of(needs), replicas=1)
    unallocated = {}
    for mark in MARKS:
        replay.until(mark)
        unallocated[mark] = replay.unallocated_percent
    seconds = sorted(replay.seconds)
    return {
        "unallocated": unallocated,
        "decisions_per_second": len(seconds) / sum(seconds),
        "p50_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[len(seconds) * 99 // 100],
    }
