import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.fleet import Fleet
from tests.fleet.virtual_time import run_in_virtual_time

Story = Callable[[Fleet], Coroutine[Any, Any, None]]
_IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a folder: no plug is pulled here, and on a virtual clock the disk is all there is
    to wait for.
    """
    if not _IN_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="hp-fleet-", dir=_IN_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    """`tell(story, nodes=3, clusters=2)`: nodes are dealt out to the clusters in turn; each has so many `gpus`."""

    def run(story: Story, nodes: int = 1, clusters: int = 1, gpus: int = 0) -> None:
        async def told() -> None:
            async with Fleet(tmp_path, nodes, clusters, gpus) as fleet:
                await story(fleet)

        run_in_virtual_time(told())

    return run
