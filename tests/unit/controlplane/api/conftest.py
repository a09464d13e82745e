from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from controlplane.auth import passwords
from tests.fakes.control_api import ControlApi


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a password costs is tested in tests/unit/auth; here they only have to be right or wrong."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "NOBODYS", hasher.hash("nobody has it"))


@pytest.fixture
async def api() -> AsyncIterator[ControlApi]:
    async with ControlApi().running() as running:
        yield running


@pytest.fixture
async def api_by_https() -> AsyncIterator[ControlApi]:
    """Browsers come through a proxy that speaks TLS."""
    async with ControlApi(public_url="https://homeport.example").running() as running:
        yield running
