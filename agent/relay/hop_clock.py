"""Tells a gateway that asks where a request's time went on this node."""

from collections.abc import Callable

from homeport.tunnel.hop_timing import HopTiming, timing_line


class HopClock:
    """Made when the request arrives."""

    __slots__ = ("_arrived_at", "_monotonic")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._arrived_at = monotonic()

    def line(self, started_at: float, replica_id: str) -> bytes:
        """When the replica's head is here. `started_at`: when that replica got the request."""
        return timing_line(HopTiming(started_at - self._arrived_at, self._monotonic() - started_at, replica_id))
