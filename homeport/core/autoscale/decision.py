"""How many replicas, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decision:
    """`wanted` is what traffic and signals ask for, `replicas` what bounds and delays make of it.

    `driver` is the name of what decided: a target ("concurrency", or a signal's name), a bound ("min_replicas",
    "max_replicas", "scale_up_delay"), or "hold" for what is kept until it is needed again. `inputs` are the figures
    that went in, `reason` one sentence of them. `look_again_at`: when to ask again although nothing has happened; None
    = no need.
    """

    replicas: int
    wanted: int
    driver: str
    reason: str
    inputs: Mapping[str, float] = field(default_factory=dict)
    look_again_at: float | None = None
