"""What the API answers to what became of a deployment: its starts, its scale, its faults, its traffic."""

from homeport.schema.answer import Answer


class _Happened(Answer):
    at: float
    """Unix seconds, on the node's clock."""
    node_id: str
    node_name: str


class ColdStart(_Happened):
    """One start of a replica. The parts follow one another; their sum is the time from the request to ready."""

    replica_id: str
    revision: int
    queue_seconds: float
    """From the arrival of the request that had waited longest to the order to start; 0 = nobody waited."""
    place_seconds: float
    """In which no node had a budget for it; 0 where the node decided by itself."""
    image_seconds: float
    """Until the image was there."""
    create_seconds: float
    """Until it ran."""
    load_seconds: float
    """Until it answered for the first time."""
    warm_up_seconds: float
    """Until it was ready."""
    engine_seconds: float
    """Of `create_seconds`: those of a container engine."""
    total_seconds: float
    platform_seconds: float
    """Homeport's own share: queue, place, and create without the engine."""
    problem: str
    """Why it never became ready; empty = it did."""


class ScalingChange(_Happened):
    """A change of how many replicas run on a node, or one that was held back."""

    before: int
    replicas: int
    wanted: int
    """What traffic and targets asked for."""
    driver: str
    """What decided: a target (concurrency, ...), a bound or a delay."""
    reason: str
    inputs: dict[str, float]
    """The figures that went in."""
    held_until: float | None
    """Of a change that was held back: until when it was. Null = it was made."""


class ReplicaFault(_Happened):
    """What was wrong with a ready replica, for one cause, within a minute from `at` on."""

    replica_id: str
    revision: int
    cause: str
    """What requests have shown (`bad gateway`, `stalled`, `lost`, `unreachable`), or `health check`."""
    ejections: int
    """How often it was given no requests for a while."""
    failed_checks: int
    """Health checks that it failed."""
    problem: str
    """What its last failed check has shown."""


class TrafficMinute(Answer):
    """Of all nodes together."""

    minute: int
    """Its beginning, unix seconds."""
    arrivals: int
    completions: int
    mean_service_seconds: float
    """Of one request, without waiting; 0 when none ended."""
    waiting_seconds: float
    """Of all requests together."""
    peak_requests: int
    """The most at once, in flight and waiting; of several nodes the sum of each one's."""
    peak_arrivals: int
    """The most in a second, likewise."""
    tokens: int
    """Generated; 0 where the model does not tell."""
