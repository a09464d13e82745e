from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.drivers.docker.driver import DockerDriver
from agent.policy import HostPolicy
from tests.engine import PrivateEngine, private_engine


@pytest.fixture(scope="session")
def engine() -> Iterator[PrivateEngine]:
    with private_engine() as engine:
        yield engine


@pytest.fixture
def make_driver(engine: PrivateEngine, tmp_path: Path) -> Callable[..., DockerDriver]:
    """A driver as a start of the agent makes it. The test closes it."""

    def make(answer_seconds: float = 30.0, mounts: tuple[str, ...] = ()) -> DockerDriver:
        policy = HostPolicy(engine_socket=str(engine.socket), mount_prefixes=mounts)
        return DockerDriver(tmp_path / "containers", str(tmp_path), policy, answer_seconds)

    return make
