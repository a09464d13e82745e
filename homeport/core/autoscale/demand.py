"""What the policy sees of one deployment on one node: never more than what has happened up to now."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.core.policy import Scaling


@dataclass(frozen=True, slots=True)
class Demand:
    """Of requests. Times are on the caller's monotonic clock.

    `arrivals` and `completions` count since the beginning and never fall; `in_flight` and `queued` are now;
    `oldest_wait_seconds` is how long the first in the queue has waited.
    """

    in_flight: int = 0
    queued: int = 0
    last_request_at: float | None = None
    arrivals: int = 0
    completions: int = 0
    oldest_wait_seconds: float = 0.0
    # Of all answers since the beginning, as far as that can be told.
    tokens: int = 0
    # Requests that had their whole answer, and how long they were in flight, all together.
    answered: int = 0
    answered_seconds: float = 0.0


# What a start is taken to last until one has been seen.
UNKNOWN_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Supply:
    """Of replicas: `ready` serve, `starting` will; those on their way out count no more. `start_seconds` is how long a
    start takes, as learned; None = not known yet."""

    ready: int = 0
    starting: int = 0
    start_seconds: float | None = None

    @property
    def replicas(self) -> int:
        return self.ready + self.starting


@dataclass(frozen=True, slots=True)
class Signal:
    """A figure besides the requests: its total over the ready replicas, and what one replica should be kept at."""

    observed: float
    target: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What the decision is bound to. `budget` is (min, max) of this node; `concurrency` is how many requests a replica
    should have at once. Of the `signals`, by name, the one that asks for most replicas counts."""

    scaling: Scaling
    budget: tuple[int, int]
    concurrency: float
    signals: Mapping[str, Signal] = field(default_factory=dict)
