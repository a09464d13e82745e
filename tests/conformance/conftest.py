import os
from collections.abc import Iterator

import pytest

from tests.engine import Engine, engine_to_test
from tests.fakes.postgresql import BINARIES, PostgresqlCluster, is_installed, running_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlCluster]:
    if not is_installed():
        message = f"PostgreSQL 15 is not installed ({BINARIES}): the store is not tested on it"
        if os.environ.get("HOMEPORT_TEST_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with engine_to_test() as engine:
        yield engine
