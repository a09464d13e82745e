from collections.abc import Iterator

import pytest

from tests.fakes.api import ScriptedApi, scripted_api


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as running:
        yield running
