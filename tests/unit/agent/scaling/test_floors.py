"""What a node keeps without traffic. The clock begins on Friday, 2026-11-20 at 07:50 UTC."""

from datetime import datetime

import pytest

from agent.placement import Placement
from agent.scaling.floors import Floor, Floors
from homeport.core.policy import Policy, Scaling
from homeport.core.schedule import ScheduledMin
from homeport.core.workload import Workload
from tests.fakes.clock import FakeClock

OFFICE = ScheduledMin(3, "UTC", (0, 1, 2, 3, 4), 8 * 60, 18 * 60)


def placement(soft: int = 0, *schedule: ScheduledMin) -> Placement:
    policy = Policy(Scaling(soft_min_replicas=soft, schedule=schedule))
    return Placement("p", "chat", 1, 0, 0, 9, Workload("process"), "h", policy)


class Node:
    def __init__(self) -> None:
        self.wall = FakeClock(datetime.fromisoformat("2026-11-20T07:50:00+00:00").timestamp())
        self.room = True
        self.floors = Floors(self.wall, lambda: self.room)


@pytest.mark.parametrize(
    ("minutes", "start_seconds", "floor"),
    [
        (9.9, None, Floor()),
        (10.0, None, Floor(3, "schedule")),
        # Begun a start earlier.
        (7.9, 120.0, Floor()),
        (8.0, 120.0, Floor(3, "schedule")),
        (600.0 + 9.9, None, Floor(3, "schedule")),
        (600.0 + 10.0, 120.0, Floor()),
    ],
)
def test_a_schedule_holds_in_time(minutes: float, start_seconds: float | None, floor: Floor) -> None:
    node = Node()
    node.wall.advance(minutes * 60)
    assert node.floors.of([placement(0, OFFICE)], start_seconds) == floor


def test_spare_replicas_are_kept_while_there_is_room_and_not_soon_after_there_was_none() -> None:
    node = Node()
    assert node.floors.of([placement(2)], None) == Floor(2, "soft_min_replicas")
    node.room = False
    assert node.floors.of([placement(2)], None) == Floor()
    node.room = True
    node.wall.advance(599)
    assert node.floors.of([placement(2)], None) == Floor()
    node.wall.advance(1)
    assert node.floors.of([placement(2)], None) == Floor(2, "soft_min_replicas")


def test_the_higher_of_both_counts_and_two_revisions_add_up() -> None:
    node = Node()
    node.wall.advance(3600)
    assert node.floors.of([placement(5, OFFICE)], None) == Floor(5, "soft_min_replicas")
    assert node.floors.of([placement(1, OFFICE)], None) == Floor(3, "schedule")
    assert node.floors.of([placement(0, OFFICE), placement(0, OFFICE)], None) == Floor(6, "schedule")
    assert node.floors.of([placement()], None) == Floor()


def test_a_time_zone_that_this_host_does_not_know_goes_by_utc() -> None:
    node = Node()
    node.wall.advance(3600)
    entry = ScheduledMin(3, "Moon/Tycho", starts=8 * 60, ends=18 * 60)
    assert node.floors.of([placement(0, entry)], None) == Floor(3, "schedule")
