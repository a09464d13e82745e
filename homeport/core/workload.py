"""What runs: the part of a deployment whose change makes a new revision."""

from dataclasses import dataclass, field

from homeport.core import canonical
from homeport.core.resources import ComputeNeeds

# A command or env value may name these; the agent fills them in when it starts the replica.
PLACEHOLDERS = ("{port}", "{host}", "{replica_id}", "{deployment_id}")


@dataclass(frozen=True, slots=True)
class Probe:
    """An HTTP GET on the replica; 2xx and 3xx are success.

    `start_deadline_seconds` bounds the time from start to the first success.
    """

    path: str = "/health"
    interval_seconds: float = 1.0
    timeout_seconds: float = 2.0
    failure_threshold: int = 3
    start_deadline_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One immutable packaging of a model, as a driver starts it."""

    driver: str
    command: tuple[str, ...] = ()
    image: str = ""
    env: dict[str, str] = field(default_factory=dict)
    working_directory: str = ""
    # The port that the model listens on. 0 = the agent picks a free one and passes it as {port} and $PORT.
    port: int = 0
    readiness: Probe = field(default_factory=Probe)
    needs: ComputeNeeds = field(default_factory=ComputeNeeds)
    # Requests that one replica takes at once; more wait in the hold queue.
    concurrency: int = 32
    # What the replica may take between SIGTERM and SIGKILL.
    stop_grace_seconds: float = 10.0
    # The name that the model itself expects in the body's `model` field; empty = pass the client's on.
    served_model_name: str = ""

    def spec_hash(self) -> str:
        """Made once, when the revision is: stored beside it and never computed again by newer code."""
        return canonical.digest(self)
