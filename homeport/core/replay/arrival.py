from typing import NamedTuple


class Arrival(NamedTuple):
    """A request: when it comes, in seconds since the trace began, and how long a replica works on it."""

    at: float
    service_seconds: float
