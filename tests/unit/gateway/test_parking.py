"""Who keeps a place where no node is connected, and too many wait."""

from collections.abc import AsyncIterator

import pytest

from homeport.gateway.parking import ParkingLot


class Waiter:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_unparked(self) -> None:
        self.heard.append("a node")

    def on_parking_over(self) -> None:
        self.heard.append("too long")

    def on_parking_full(self) -> None:
        self.heard.append("full")


@pytest.fixture
async def lot() -> AsyncIterator[ParkingLot]:
    lot = ParkingLot(lambda deployment_id: None, most=4)
    yield lot
    for deployment_id in ("chat", "search"):
        lot.wake(deployment_id)


async def test_a_flood_takes_no_place_from_others(lot: ParkingLot) -> None:
    flood, quiet = [Waiter() for _ in range(5)], Waiter()
    assert [lot.park("chat", each, "flood", 3600) for each in flood] == [True, True, True, True, False]
    assert lot.park("search", quiet, "quiet", 3600)
    assert [each.heard for each in flood[:4]] == [[], [], [], ["full"]]
    assert len(lot) == 4
    lot.wake("search")
    assert quiet.heard == ["a node"]
    assert len(lot) == 3


async def test_equals_do_not_push_each_other_out(lot: ParkingLot) -> None:
    for tenant in "abcd":
        assert lot.park("chat", Waiter(), tenant, 3600)
    assert not lot.park("chat", Waiter(), "e", 3600)
