"""How many replicas are kept on this node although traffic does not ask for them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from agent.placement import Placement
from homeport.core.schedule import scheduled

log = structlog.get_logger()

# A node that once had no room keeps no spare replicas for so long: those that end make the room that they are denied.
_WITHOUT_SECONDS = 600.0


class Floor(NamedTuple):
    """`driver`: what keeps them."""

    replicas: int = 0
    driver: str = ""


class Floors:
    """`wall` is unix seconds; `has_room`: whether this node can spare replicas that nobody needs now."""

    def __init__(self, wall: Callable[[], float], has_room: Callable[[], bool]) -> None:
        self._wall = wall
        self._has_room = has_room
        self._no_room_until = 0.0
        self._unknown: set[str] = set()

    def of(self, placements: Sequence[Placement], start_seconds: float | None) -> Floor:
        """Of one deployment. What a schedule asks for is begun a start earlier, to be ready in time."""
        scalings = [placement.policy.scaling for placement in placements]
        kept, now = 0, self._wall()
        if any(scaling.schedule for scaling in scalings):
            for at in (now, now + (start_seconds or 0.0)):
                local = {zone: self._local(zone, at) for s in scalings for zone in {e.timezone for e in s.schedule}}
                kept = max(kept, sum(scheduled(scaling.schedule, local.__getitem__) for scaling in scalings))
        soft = sum(scaling.soft_min_replicas for scaling in scalings)
        if soft > kept and self._spares(now):
            return Floor(soft, "soft_min_replicas")
        return Floor(kept, "schedule" if kept else "")

    def _spares(self, now: float) -> bool:
        if not self._has_room():
            self._no_room_until = now + _WITHOUT_SECONDS
        return now >= self._no_room_until

    def _local(self, zone: str, at: float) -> datetime:
        try:
            return datetime.fromtimestamp(at, UTC if zone == "UTC" else ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            if zone not in self._unknown:
                self._unknown.add(zone)
                log.error("this host does not know the time zone of a schedule, which goes by UTC", timezone=zone)
            return datetime.fromtimestamp(at, UTC)
