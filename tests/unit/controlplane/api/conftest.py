from collections.abc import AsyncIterator

import pytest

from tests.fakes.control_api import ControlApi


@pytest.fixture
async def api() -> AsyncIterator[ControlApi]:
    async with ControlApi().running() as running:
        yield running
