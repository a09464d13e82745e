"""The epoch on the disk: never lower, and not told of a file that may have lost it."""

from pathlib import Path

from agent.state.database import StateDatabase
from agent.state.epoch import EpochStore


async def loaded(path: Path) -> tuple[EpochStore, StateDatabase]:
    database = StateDatabase.open_inline(path)
    store = EpochStore(database)
    await store.load()
    return store, database


async def test_it_outlives_the_agent_and_never_goes_back(tmp_path: Path) -> None:
    store, database = await loaded(tmp_path / "state.db")
    assert store.kept == 0
    for epoch in (3, 7, 5):
        await store.keep(epoch)
    assert store.kept == 7
    database.close()
    again, database = await loaded(tmp_path / "state.db")
    assert again.kept == 7
    database.close()


async def test_a_file_that_was_mended_is_not_believed(tmp_path: Path) -> None:
    """Its copy may be a moment older: that must not look like a snapshot."""
    store, database = await loaded(tmp_path / "state.db")
    await store.keep(7)
    database.close()
    (tmp_path / "state.db").write_bytes(b"damaged" * 1000)
    again, database = await loaded(tmp_path / "state.db")
    assert database.notes
    assert again.kept == 0
    await again.keep(8)
    assert again.kept == 8
    database.close()
