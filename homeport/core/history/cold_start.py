"""Where the time of a start went."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StartParts:
    """Seconds. The first six follow one another, from the request to ready."""

    # From the arrival of the request that has waited longest to the order to start; 0 = nobody waited.
    queue_seconds: float = 0.0
    # In which no node had a budget for it; 0 where the agent decided by itself.
    place_seconds: float = 0.0
    # Until the image was there.
    image_seconds: float = 0.0
    # Until it ran.
    create_seconds: float = 0.0
    # Until it answered for the first time.
    load_seconds: float = 0.0
    # Until it was ready.
    warm_up_seconds: float = 0.0
    # Of `create_seconds`: those of a container engine.
    engine_seconds: float = 0.0

    @property
    def from_order_seconds(self) -> float:
        """From the order to start to ready."""
        return self.image_seconds + self.create_seconds + self.load_seconds + self.warm_up_seconds

    @property
    def total_seconds(self) -> float:
        """From the request to ready."""
        own = self.queue_seconds + self.place_seconds + self.create_seconds
        return own + self.image_seconds + self.load_seconds + self.warm_up_seconds

    @property
    def platform_seconds(self) -> float:
        """Homeport's own share: what neither image, engine nor model takes."""
        return max(0.0, self.queue_seconds + self.place_seconds + self.create_seconds - self.engine_seconds)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One start of a replica. `problem` says why it never became ready; empty = it did."""

    replica_id: str
    revision: int
    parts: StartParts = field(default_factory=StartParts)
    problem: str = ""
