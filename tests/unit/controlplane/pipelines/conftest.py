from collections.abc import AsyncIterator

import pytest

from tests.fakes.placed_fleet import PlacedFleet


@pytest.fixture
async def fleet() -> AsyncIterator[PlacedFleet]:
    fleet = PlacedFleet()
    await fleet.start()
    yield fleet
    await fleet.store.close()
