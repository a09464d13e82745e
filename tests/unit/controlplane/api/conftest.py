from collections.abc import AsyncIterator

import pytest

from tests.fakes.control_api import ControlApi


@pytest.fixture
async def api() -> AsyncIterator[ControlApi]:
    async with ControlApi().running() as running:
        yield running


@pytest.fixture
async def api_by_https() -> AsyncIterator[ControlApi]:
    """Browsers come through a proxy that speaks TLS."""
    async with ControlApi(public_url="https://homeport.example").running() as running:
        yield running
