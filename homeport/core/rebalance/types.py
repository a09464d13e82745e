"""Inputs and outputs of rebalancing."""

from dataclasses import dataclass
from enum import StrEnum

from homeport.core.placement.types import Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Movable:
    """A placement that may move: all its replicas, `least` to `replicas`, go from one node to another that has none of
    the deployment."""

    wanted: Wanted
    node_id: str
    least: int
    replicas: int

    @property
    def key(self) -> tuple[str, str]:
        return self.wanted.deployment_id, self.node_id


@dataclass(frozen=True, slots=True)
class Move:
    """Of all replicas that the deployment may have on a node."""

    deployment_id: str
    from_node: str
    to_node: str
    replicas: int


class Aim(StrEnum):
    """What moves are for: room for a deployment that waits, a whole GPU, a whole node."""

    ROOM = "room"
    GPU = "gpu"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Clearing:
    """Moves that only together reach their aim, all from one node. `deployment_id` is the one that gets the room.
    `gpus` and `nodes` are how many more are wholly free afterwards; less than 0 where what waits takes them."""

    aim: Aim
    node_id: str
    moves: tuple[Move, ...]
    gpus: int
    nodes: int
    deployment_id: str = ""

    @property
    def replicas(self) -> int:
        return sum(move.replicas for move in self.moves)
