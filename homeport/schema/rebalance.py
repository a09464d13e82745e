"""Rebalancing, as the API takes and shows it."""

from typing import Literal

from pydantic import Field, model_validator

from homeport.schema.answer import Answer
from homeport.schema.base import ApiModel


class RebalanceRequest(ApiModel):
    cluster: str = Field("", max_length=63)
    """Only its nodes; empty = those of all clusters."""
    nodepool: str = Field("", max_length=63)
    """Only its nodes; of the `cluster`, which it then needs."""
    max_moves_percent: float = Field(5.0, gt=0, le=100)
    """Of the replicas that run there. One may always move."""
    at_once: int = Field(2, ge=1, le=100)
    """Moves that are under way at the same time."""
    move_seconds: float = Field(600.0, ge=1, le=86_400)
    """A move whose replicas are not ready by then is taken back."""
    deadline_seconds: float = Field(3600.0, ge=0, le=604_800)
    """After this no more moves are begun."""
    dry_run: bool = False
    """Only say what would move where."""

    @model_validator(mode="after")
    def _names_one_place(self) -> "RebalanceRequest":
        if self.nodepool and not self.cluster:
            raise ValueError("`nodepool` needs its `cluster` beside it")
        return self


class RebalanceFigures(Answer):
    nodes: int
    """That take new replicas."""
    free_nodes: int
    """On which nothing runs."""
    gpus: int
    free_gpus: int
    """Of which nobody has a share."""
    unallocated_percent: float
    """Of all GPUs."""
    fragmentation_percent: float
    """Of what is unallocated: too small, or without the CPU beside it, for what is typically asked for."""


class RebalanceMove(Answer):
    """All replicas that a deployment may have on a node go to another, and are ready there first."""

    deployment_id: str
    from_node_id: str
    from_node_name: str
    to_node_id: str
    to_node_name: str
    replicas: int
    """At its maximum there."""
    state: Literal["waiting", "moving", "returning", "done", "returned", "skipped"]
    since: float
    """Unix seconds."""
    reason: str
    """Why it was skipped or taken back."""


class RebalanceClearing(Answer):
    """Moves that together free something."""

    aim: Literal["room", "gpu", "node"]
    """Room for a deployment that waits, a whole GPU, a whole node."""
    node_id: str
    node_name: str
    deployment_id: str
    """The one that gets the room."""
    gpus: int
    """That many more are wholly free afterwards."""
    nodes: int
    moves: list[RebalanceMove]
    hidden: int
    """Moves of deployments that the reader may not see."""


class Rebalance(Answer):
    state: Literal["proposed", "running", "done", "stopped", "expired"]
    """`expired`: its deadline has passed."""
    nodepools: list[str]
    replicas: int
    """That run there, at their maximum."""
    may_move: int
    """Replicas."""
    started_at: float
    """Unix seconds."""
    deadline_at: float
    before: RebalanceFigures
    after: RebalanceFigures
    """Once all moves are done."""
    clearings: list[RebalanceClearing]


class LastRebalance(Answer):
    rebalance: Rebalance | None
    """Null = there was none yet."""
