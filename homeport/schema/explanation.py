"""What the API answers to why a deployment is where it is."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from homeport.core.placement.history import PlacementEvent
from homeport.schema.bound import Bound


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class Reason(_Answer):
    """What a node lacks: need against have."""

    filter: str
    need: str
    have: str


class ReplicaBounds(_Answer):
    min: int
    max: int


class ExplainedNode(_Answer):
    node_id: str
    node_name: str
    nodepool: str
    tier: int
    """0 = of the nodepools that are used first; the next tier is used when this one is full or gone."""
    verdict: Literal["placed", "fits", "rejected"]
    rank: int | None
    """Of its placement: 0 gets traffic first."""
    min: int
    max: int
    cost: float | None
    """What the first replica here takes of what the fleet is good for, in devices; in a tier the cheapest node comes
    first. Null = none fits beside what others may have."""
    favours: list[str] = []
    """What speaks for it beside the cost: labels that are preferred, an image that is there."""
    claimed: float
    """How many times over the scarcest of what it has is claimed by the maxima of all deployments. Above 1 not all of
    them can be reached at once."""
    pressure: float
    """Replicas that it wants here now and that find no room, since others use what they share."""
    reasons: list[Reason]
    """Why it takes no replica, or no more of them."""


class PricePerHour(_Answer):
    """US dollars, by the prices of the nodepools' instance types and the part of each node that replicas take."""

    low: float
    """With as few replicas as it may have."""
    high: float
    unpriced: list[str]
    """Nodes that are not part of it: nobody knows what they cost."""


class Explanation(_Answer):
    """The decision as it would be made now. Of several revisions side by side, of the one that somebody waits for or
    that lacks room; else of the newest."""

    deployment_id: str
    summary: str
    verdict: Literal["placed", "partly", "pending", "stopped"]
    scheduling_choice: str
    desired: ReplicaBounds
    missing: ReplicaBounds
    """What finds no place, of each."""
    tiers: list[list[str]]
    """Nodepools in the order in which they are used."""
    nodes: list[ExplainedNode]
    """Those with a placement by rank, then those that fit, the best first, then the others, the nearest first."""
    omitted: int
    """Nodes that are not listed, beyond the first."""
    filtered: dict[str, int]
    """How many nodes without a placement each filter keeps out."""
    fixes: list[str]
    """What would give it a place, the nearest first."""
    price_per_hour: PricePerHour | None = None
    """Null = of none of its nodes a price is known."""
    events: list[PlacementEvent] = []
    """When it was placed or found no place, and why; the newest last. Older ones are forgotten."""
    bound: Bound


class RevisionExplanation(Explanation):
    revision: int
    percent: int
    """Of the requests, as gateways divide them now."""


class DeploymentExplanation(Explanation):
    revisions: list[RevisionExplanation] = []
    """Each of several side by side, the oldest first; empty where there is one."""
