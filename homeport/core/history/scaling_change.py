"""Why there are so many replicas."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScalingChange:
    """A change of how many replicas run on a node; or, until `held_until` (unix seconds), none although other numbers
    were wanted. 0 = it was made. The rest is as in homeport.core.autoscale.decision.Decision."""

    before: int
    replicas: int
    wanted: int
    driver: str
    reason: str = ""
    inputs: Mapping[str, float] = field(default_factory=dict)
    held_until: float = 0.0
