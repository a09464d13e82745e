"""A minute's traffic: what a day is replayed from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrafficMinute:
    """Of one deployment. `completions` had their whole answer in it, and were in flight for `busy_seconds` together;
    `waiting_seconds` are those of all that waited in it."""

    arrivals: int = 0
    completions: int = 0
    busy_seconds: float = 0.0
    waiting_seconds: float = 0.0
    # The most requests at once, in flight and waiting, and the most arrivals in a second.
    peak_requests: int = 0
    peak_arrivals: int = 0
    # Generated, where the model tells; else 0.
    tokens: int = 0

    @property
    def service_seconds(self) -> float:
        """Of one request, on average; 0 when none ended."""
        return self.busy_seconds / self.completions if self.completions else 0.0

    @property
    def is_silent(self) -> bool:
        return not (self.arrivals or self.completions or self.peak_requests)

    def with_another(self, other: "TrafficMinute") -> "TrafficMinute":
        """Of the same minute: another part of it, or another node. The peaks add up to what they were at most."""
        return TrafficMinute(
            self.arrivals + other.arrivals,
            self.completions + other.completions,
            self.busy_seconds + other.busy_seconds,
            self.waiting_seconds + other.waiting_seconds,
            self.peak_requests + other.peak_requests,
            self.peak_arrivals + other.peak_arrivals,
            self.tokens + other.tokens,
        )
