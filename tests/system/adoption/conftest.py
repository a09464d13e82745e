from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.state.directory import StateDirectory
from agent.state.identity import IdentityStore
from tests.fakes.control_plane import FakeControlPlane
from tests.system.adoption.machine import Machine


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with FakeControlPlane() as plane:
        with StateDirectory(tmp_path / "state") as directory:
            IdentityStore(directory.identity).save(plane.identity())
        machine = Machine(tmp_path / "state", plane)
        yield machine
        machine.end_models()
