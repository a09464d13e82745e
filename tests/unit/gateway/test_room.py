"""Who gets in when a gateway is full: told in turns, not in time."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from homeport.gateway.limits.room import Room


class Guest:
    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.has_room = False
        self.refused = False

    def on_room(self) -> None:
        assert self.has_room

    def on_no_room(self) -> None:
        self.refused = True


class House:
    """Does as a gateway does: asks a room only beyond its threshold."""

    def __init__(self, most: int, most_waiting: int, most_bytes: int = 1) -> None:
        self.room = Room(most, most_waiting, most_bytes)
        self.active: set[Guest] = set()

    def come(self, tenant: str, count: int = 1) -> list[Guest]:
        return [self._come(tenant) for _ in range(count)]

    def _come(self, tenant: str) -> Guest:
        guest = Guest(tenant)
        self.active.add(guest)
        if len(self.active) > self.room.threshold:
            self.room.enter(guest, self.active)
        else:
            guest.has_room = True
        if guest.refused:
            self.go(guest)
        return guest

    def go(self, guest: Guest) -> None:
        self.active.discard(guest)
        if self.room.is_crowded:
            self.room.left(guest, len(self.active))

    def go_one(self, tenant: str) -> None:
        self.go(next(each for each in self.active if each.tenant == tenant and each.has_room))

    def inside(self) -> Counter[str]:
        return Counter(each.tenant for each in self.active if each.has_room)


def test_one_more_after_a_flood_waits_for_one_end_and_not_for_the_flood() -> None:
    house = House(100, 1000)
    house.come("flood", 600)
    (quiet,) = house.come("quiet")
    assert (house.inside()["flood"], house.room.waiting, quiet.has_room) == (100, 501, False)
    house.go_one("flood")
    assert quiet.has_room


def test_two_who_want_everything_get_half_each() -> None:
    house = House(100, 1000)
    house.come("a", 400)
    house.come("b", 400)
    for _ in range(50):
        house.go_one("a")
    assert house.inside() == {"a": 50, "b": 50}


def test_where_too_many_wait_the_newest_of_the_flood_are_turned_away() -> None:
    house = House(10, 20)
    flood = house.come("flood", 50)
    assert sum(each.refused for each in flood) == 20
    quiet = house.come("quiet", 5)
    assert not any(each.refused for each in quiet)
    assert sum(each.refused for each in flood) == 25
    for _ in range(5):
        house.go_one("flood")
    assert all(each.has_room for each in quiet)


def test_who_gives_up_waiting_leaves_its_place_in_the_line() -> None:
    house = House(1, 10)
    house.come("a")
    second, third = house.come("a", 2)
    house.go(second)
    house.go_one("a")
    assert third.has_room


def test_when_the_crowd_is_gone_nothing_is_asked_any_more() -> None:
    house = House(10, 10)
    guests = house.come("a", 15)
    assert house.room.threshold == -1
    for guest in guests:
        house.go(guest)
    assert (house.room.threshold, house.room.is_crowded, house.room.waiting) == (10, False, 0)
    assert all(each.has_room for each in house.come("a", 10))


def test_while_bodies_take_too_much_memory_nobody_gets_in() -> None:
    house = House(10, 10, most_bytes=1000)
    first = house.come("a", 3)
    house.room.weigh(1001, house.active)
    (waiting,) = house.come("b")
    house.go(first[0])
    assert not waiting.has_room
    house.room.weigh(999, house.active)
    assert waiting.has_room
    assert not house.room.is_crowded


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80))
def test_there_is_never_too_much_nor_does_anybody_wait_beside_free_room(steps: list[tuple[str, bool]]) -> None:
    house = House(5, 8)
    for tenant, comes in steps:
        mine = [each for each in house.active if each.tenant == tenant]
        if comes:
            house.come(tenant)
        elif mine:
            house.go(mine[0])
        inside = house.inside().total()
        waiting = len(house.active) - inside
        assert inside <= 5
        assert waiting == house.room.waiting <= 8
        assert not waiting or inside == 5
