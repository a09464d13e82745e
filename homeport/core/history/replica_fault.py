"""What was wrong with a replica that was ready."""

from dataclasses import dataclass

# Of faults that its health checks have shown; what requests have shown has the names of balance.ejection.Failure.
HEALTH_CHECK = "health check"


@dataclass(frozen=True, slots=True)
class ReplicaFault:
    """Of one replica and one cause, within a minute. `ejections`: how often it was given no requests for a while."""

    replica_id: str
    revision: int
    cause: str
    ejections: int = 0
    failed_checks: int = 0
    # As it was seen last.
    problem: str = ""

    def with_another(self, other: "ReplicaFault") -> "ReplicaFault":
        """A later one of the same replica and cause."""
        return ReplicaFault(
            self.replica_id,
            self.revision,
            self.cause,
            self.ejections + other.ejections,
            self.failed_checks + other.failed_checks,
            other.problem or self.problem,
        )
