"""What a gateway has counted of each deployment since it started: plain numbers, for metrics."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from homeport.core.histogram import REQUEST_BOUNDS, Histogram

_requests_histogram = partial(Histogram, REQUEST_BOUNDS)


@dataclass(slots=True)
class RevisionCounters:
    """Of one of several revisions side by side. `errors`: answers with 5xx, and those that broke off. `seconds` from
    the requests' heads to the ends of their answers, all together."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0

    def note(self, seconds: float, is_error: bool) -> None:
        self.requests += 1
        self.errors += is_error
        self.seconds += seconds


@dataclass(slots=True)
class DeploymentCounters:
    """All of it only rises, but for `in_flight`. Requests count once they are over; bytes are those of bodies."""

    in_flight: int = 0
    # By the first digit of the status that was answered; [0]: the client left before there was one.
    answered: list[int] = field(default_factory=lambda: [0] * 6)
    # Clients that left before the end of their answer.
    disconnects: int = 0
    # Answers that broke off after their beginning.
    broken: int = 0
    # Sent to a node a second time after an attempt that was perhaps dispatched.
    retries: int = 0
    # Sent to another node after one that refused it, which is safe at any time.
    resends: int = 0
    # How often a node was given nothing for a while, because its attempts were lost one after the other.
    ejections: int = 0
    parked: int = 0
    parked_seconds: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    # Seconds from the request's head to the end of the answer, and to its head.
    duration: Histogram = field(default_factory=_requests_histogram)
    first_byte: Histogram = field(default_factory=_requests_histogram)
    # The longest silence within each stream of events, in seconds.
    stream_gap: Histogram = field(default_factory=_requests_histogram)
    # By number.
    revisions: dict[str, RevisionCounters] = field(default_factory=dict)

    def of_revision(self, revision: int) -> RevisionCounters:
        return self.revisions.setdefault(str(revision), RevisionCounters())


class Counters:
    """By deployment. `unrouted`: requests that came to none, by the first digit of the status that they got; [0] counts
    messages that were no proper HTTP."""

    def __init__(self) -> None:
        self.unrouted = [0] * 6
        self._of: dict[str, DeploymentCounters] = {}

    def of(self, deployment_id: str) -> DeploymentCounters:
        found = self._of.get(deployment_id)
        if found is None:
            found = self._of[deployment_id] = DeploymentCounters()
        return found

    def keep_only(self, deployment_ids: Iterable[str]) -> None:
        """Of deployments that are gone nothing more is told."""
        for gone in self._of.keys() - set(deployment_ids):
            del self._of[gone]

    def all(self) -> dict[str, DeploymentCounters]:
        return dict(self._of)
