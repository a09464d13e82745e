"""Whatever happens to its files, the agent starts, and from as much of its state as any copy still holds."""

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.drivers.driver import Handle
from agent.placement import DesiredState, Placement, Version
from agent.state.database import StateDatabase
from agent.state.desired import DesiredStateStore
from agent.state.identity import Identity, IdentityStore
from agent.state.journal import ReplicaJournal, ReplicaRecord, Stage
from agent.state.recovery import copy_of
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.workload import Workload

WORKLOAD = Workload("process", ("serve", "--port", "{port}"), env={"A": "b" * 300})
DESIRED = DesiredState(
    Version("store", 7),
    {f"p{n}": Placement(f"p{n}", "chat", n, 0, 1, 2, WORKLOAD, f"hash{n}") for n in range(8)},
    frozenset({"old"}),
    {f"p{n}": "store" for n in range(8)},
)
REPLICAS = [
    ReplicaRecord(
        f"r{n}", f"p{n}", "chat", n, f"hash{n}", WORKLOAD, (f"GPU-{n}",), n, Stage.READY, Handle("process", 1, "h", n)
    )
    for n in range(8)
]
IDENTITY = Identity("n1", "home", "default", "cp:8443", b"key" * 80, b"cert" * 200, b"ca" * 200, 3600, "boot", 100.0)

Damage = Callable[[Path, random.Random], None]


def truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def flip_a_bit(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def zero_a_block(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    offset = rng.randrange(len(content))
    content[offset : offset + 512] = bytes(min(512, len(content) - offset))
    path.write_bytes(content)


def replace_with_noise(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.randrange(20_000)))


def delete(path: Path, _: random.Random) -> None:
    path.unlink()


DAMAGES: list[Damage] = [truncate, flip_a_bit, zero_a_block, replace_with_noise]


def make_state(path: Path, closed: bool = True) -> None:
    """With a copy that is up to date. `closed`: without a write-ahead log, as after an orderly end."""

    async def write() -> None:
        database = StateDatabase.open_inline(path)
        await DesiredStateStore(database).save(DESIRED)
        for record in REPLICAS:
            await ReplicaJournal(database).put(record)
        database._copy()
        if closed:
            database.close()
        else:
            log = path.with_name(path.name + "-wal")
            saved = {each: each.read_bytes() for each in (path, log)}
            database.close()
            for each, content in saved.items():
                each.write_bytes(content)

    asyncio.run(write())


def state_of(path: Path) -> tuple[DesiredState, list[ReplicaRecord], tuple[str, ...]]:
    async def read() -> tuple[DesiredState, list[ReplicaRecord], tuple[str, ...]]:
        database = StateDatabase.open_inline(path)
        try:
            desired = await DesiredStateStore(database).load()
            return desired, await ReplicaJournal(database).load(), database.notes
        finally:
            database.close()

    return asyncio.run(read())


@pytest.mark.parametrize("seed", range(50))
def test_damage_at_a_random_place_loses_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "state.db"
    make_state(path, closed=seed % 2 == 0)
    files = [each for each in tmp_path.iterdir() if not each.name.endswith("-shm")]
    victim = rng.choice(sorted(files))
    DAMAGES[seed % len(DAMAGES)](victim, rng)
    desired, replicas, _ = state_of(path)
    assert (desired, replicas) == (DESIRED, REPLICAS), victim.name


@pytest.mark.parametrize("seed", range(20))
def test_with_both_files_damaged_it_starts_from_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "state.db"
    make_state(path)
    for victim in (path, copy_of(path)):
        replace_with_noise(victim, rng)
    desired, replicas, notes = state_of(path)
    assert (desired, replicas) == (DesiredState(), [])
    assert len(notes) == 2


def test_a_file_that_looks_sound_but_has_lost_writes_gives_way_to_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    make_state(path, closed=False)
    path.with_name("state.db-wal").unlink()
    path.write_bytes(path.read_bytes())
    desired, replicas, _ = state_of(path)
    assert (desired, replicas) == (DESIRED, REPLICAS)


def test_the_file_counts_when_it_is_ahead_of_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    make_state(path)
    database = StateDatabase.open_inline(path)
    asyncio.run(ReplicaJournal(database).remove("r0"))
    stale_copy = copy_of(path).read_bytes()
    database.close()
    copy_of(path).write_bytes(stale_copy)
    assert state_of(path)[1:] == (REPLICAS[1:], ())


def test_a_newer_agents_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    make_state(path)
    copy_of(path).unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    desired, _, [note] = state_of(path)
    assert desired == DesiredState()
    assert "newer agent (schema 99" in note


def test_another_programs_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    desired, _, [note] = state_of(path)
    assert desired == DesiredState()
    assert "state.db.damaged-" in note


def test_the_layout_before_this_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE desired_version (only_row INTEGER PRIMARY KEY, store_id TEXT NOT NULL, seq INTEGER NOT NULL);
            CREATE TABLE placements (placement_id TEXT PRIMARY KEY, body TEXT NOT NULL);
            CREATE TABLE removed_placements (placement_id TEXT PRIMARY KEY);
            CREATE TABLE replicas (replica_id TEXT PRIMARY KEY, body TEXT NOT NULL);
            INSERT INTO desired_version VALUES (1, 'store', 7);
            INSERT INTO removed_placements VALUES ('old');
            PRAGMA user_version = 1;
            """
        )
        for placement in DESIRED.placements.values():
            row = [placement.placement_id, canonical.dumps(placement)]
            connection.execute("INSERT INTO placements VALUES (?, ?)", row)
        for record in REPLICAS:
            connection.execute("INSERT INTO replicas VALUES (?, ?)", [record.replica_id, canonical.dumps(record)])
    connection.close()
    desired, replicas, notes = state_of(path)
    assert (desired.version, desired.placements, desired.removed) == (
        DESIRED.version,
        DESIRED.placements,
        DESIRED.removed,
    )
    assert (replicas, notes) == (REPLICAS, ())
    assert state_of(path)[1] == REPLICAS


def test_what_is_put_aside_does_not_pile_up(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for number in range(6):
        path.write_bytes(b"no database %d" % number * 1000)
        state_of(path)
        path.unlink()
        copy_of(path).unlink(missing_ok=True)
    aside = sorted(tmp_path.glob("state.db.damaged-*"))
    assert len(aside) == 3
    assert any(b"no database 5" in each.read_bytes() for each in aside)


def test_a_disk_that_cannot_be_written_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(HomeportError) as refused:
        StateDatabase.open(tmp_path / "missing" / "state.db")
    assert refused.value.code is ErrorCode.STORAGE_FULL


async def test_the_write_ahead_log_stays_small(tmp_path: Path) -> None:
    """However much is written, and after one write that was large by itself."""
    database = StateDatabase.open_inline(tmp_path / "state.db")
    journal, log = ReplicaJournal(database), tmp_path / "state.db-wal"
    large = replace(REPLICAS[0], workload=Workload("process", ("x" * 4_000_000,)))
    await journal.put(large)
    await journal.put(REPLICAS[0])
    for number in range(1000):
        await journal.put(replace(REPLICAS[0], restarts=number))
        assert number == 0 or log.stat().st_size <= 2 * 1024 * 1024
    assert await journal.load() == [replace(REPLICAS[0], restarts=999)]
    database.close()


async def test_the_copy_follows_by_itself(tmp_path: Path) -> None:
    database = StateDatabase.open(tmp_path / "state.db")
    keeping = asyncio.create_task(database.keep_copy())
    await DesiredStateStore(database).save(DESIRED)
    began = asyncio.get_running_loop().time()
    while not copy_of(tmp_path / "state.db").exists():
        assert asyncio.get_running_loop().time() < began + 30
        await asyncio.sleep(0.05)  # until a thread has written it
    keeping.cancel()
    database.close()
    (tmp_path / "state.db").unlink()
    assert (await asyncio.to_thread(state_of, tmp_path / "state.db"))[0] == DESIRED


class TestIdentity:
    @pytest.mark.parametrize("seed", range(50))
    def test_one_damaged_file_costs_nothing(self, tmp_path: Path, seed: int) -> None:
        rng = random.Random(seed)
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        victim = rng.choice(sorted(path for path in tmp_path.glob("*/*") if path.is_file()))
        [*DAMAGES, delete][seed % 5](victim, rng)
        assert store.load() == IDENTITY

    @pytest.mark.parametrize("seed", range(20))
    def test_one_damaged_file_at_each_start_costs_nothing(self, tmp_path: Path, seed: int) -> None:
        rng = random.Random(seed)
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        for _ in range(10):
            files = [path for path in tmp_path.glob("*/*") if path.is_file() and ".damaged-" not in path.parent.name]
            rng.choice(DAMAGES)(rng.choice(sorted(files)), rng)
            assert store.load() == IDENTITY

    def test_a_lost_link_costs_nothing(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        (tmp_path / "current").unlink()
        assert store.load() == IDENTITY

    def test_the_one_before_stands_in_for_both_copies(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        store.save(IDENTITY)
        for folder in ("2", "2.copy"):
            (tmp_path / folder / "key.pem").write_bytes(b"")
        assert store.load() == IDENTITY

    def test_a_damaged_one_is_kept_aside_and_written_anew(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        (tmp_path / "1" / "identity.json").write_text("{")
        assert store.load() == IDENTITY
        names = {path.name.split("-")[0] for path in tmp_path.iterdir()}
        assert names == {"current", "2", "2.copy", "1.copy", "1.damaged"}

    def test_without_any_sound_copy_it_says_what_to_do(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        for folder in ("1", "1.copy"):
            (tmp_path / folder / "key.pem").unlink()
        with pytest.raises(HomeportError, match="join again"):
            store.load()

    def test_an_identity_without_checksums_is_read(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        (tmp_path / "1" / "checksum").unlink()
        assert store.load() == IDENTITY
