"""What only a file can do wrong: locks, damage, newer data, full disks, crashes."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from controlplane.store import sql
from controlplane.store.database import Database
from controlplane.store.migrate import migrate
from controlplane.store.sql import SqlStore
from controlplane.store.storage_errors import storage_error
from controlplane.store.store import Kind, Record, Transaction
from controlplane.store.tables import metadata
from controlplane.store.transaction import Batch
from homeport.core.errors import ErrorCode, HomeportError

UNAVAILABLE = HomeportError(ErrorCode.UNAVAILABLE, "no answer")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "homeport.db"


def store_at(file: Path) -> SqlStore:
    return SqlStore(f"sqlite:///{file}")


def create(tx: Transaction, id: str, size: int = 0) -> None:
    tx.create(Kind.CLUSTER, id, {"text": "x" * size})


async def fill(file: Path, objects: int = 300) -> None:
    store = store_at(file)
    await store.open()
    await asyncio.gather(*(store.write(lambda tx, n=n: create(tx, f"c{n}", 1000)) for n in range(objects)))  # type: ignore[misc]
    await store.close()


async def refusal(file: Path) -> HomeportError:
    with pytest.raises(HomeportError) as caught:
        await store_at(file).open()
    return caught.value


async def test_a_newer_schema_is_refused_and_left_alone(file: Path) -> None:
    await fill(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = read(file)
    error = await refusal(file)
    assert "written by a newer Homeport (schema 9999" in error.message
    assert error.hint
    assert read(file) == before


async def test_a_file_that_is_no_database_is_said_to_be_damaged(file: Path) -> None:
    write(file, b"this is not a database" * 1000)
    error = await refusal(file)
    assert f"the database {file} is damaged" in error.message
    assert "backup" in error.hint


async def test_damage_inside_is_found_at_open(file: Path) -> None:
    await fill(file)
    content = bytearray(read(file))
    content[len(content) // 2 : len(content) // 2 + 20_000] = os.urandom(20_000)
    write(file, content)
    assert "is damaged" in (await refusal(file)).message


async def test_a_refused_open_frees_the_lock(file: Path) -> None:
    write(file, b"this is not a database" * 1000)
    await refusal(file)
    remove(file)
    store = store_at(file)
    await store.open()
    await store.close()


async def test_the_holder_of_the_lock_is_named(file: Path) -> None:
    store = store_at(file)
    await store.open()
    error = await refusal(file)
    assert f"(process {os.getpid()})" in error.message
    assert "--data-dir" in error.hint
    await store.close()


async def test_a_full_disk_fails_the_write_and_heals_without_a_restart(file: Path) -> None:
    store = store_at(file)
    await store.open()
    await store.write(lambda tx: create(tx, "before"))

    def limit(pages: int) -> None:
        connection = store._database._connected()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()
        connection.rollback()

    await store._in_thread(limit, 1)
    with pytest.raises(HomeportError) as caught:
        await store.write(lambda tx: create(tx, "big", 1_000_000))
    assert caught.value.code is ErrorCode.STORAGE_FULL
    assert caught.value.hint
    assert [record.id for record in store.all(Kind.CLUSTER)] == ["before"]
    assert store.seq == 1
    assert store.problem is not None
    assert store.problem.error.code is ErrorCode.STORAGE_FULL
    await store._in_thread(limit, 1_000_000)
    await store.write(lambda tx: create(tx, "after", 1_000_000))
    assert store.problem is None
    await store.close()
    store = store_at(file)
    await store.open()
    assert [record.id for record in store.all(Kind.CLUSTER)] == ["after", "before"]
    await store.close()


async def test_the_end_of_a_problem_is_noticed_without_a_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_PROBE_SECONDS", 0.01)
    store = store_at(file)
    await store.open()
    with monkeypatch.context() as full:
        full.setattr(Database, "commit", refuse)
        full.setattr(Database, "prove_writable", refuse)
        with pytest.raises(HomeportError):
            await store.write(lambda tx: create(tx, "a"))
        problem = store.problem
        await asyncio.sleep(0.05)
        assert problem is not None
        assert store.problem is not None
        assert store.problem.since == problem.since
    async with asyncio.timeout(60):
        while store.problem is not None:  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.01)
    await store.close()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_FULL", ErrorCode.STORAGE_FULL),
        ("SQLITE_READONLY_DBMOVED", ErrorCode.STORAGE_FULL),
        ("SQLITE_CANTOPEN", ErrorCode.STORAGE_FULL),
        ("SQLITE_IOERR_WRITE", ErrorCode.STORAGE_FULL),
        ("SQLITE_BUSY", ErrorCode.CONFLICT),
        ("SQLITE_CORRUPT", ErrorCode.UNAVAILABLE),
    ],
)
def test_each_failure_of_the_disk_has_its_code(name: str, code: ErrorCode) -> None:
    cause = sqlite3.OperationalError("failed")
    cause.sqlite_errorname = name
    assert storage_error(DBAPIError("INSERT", {}, cause)).code is code


async def test_a_commit_whose_answer_got_lost_is_acknowledged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_at(file)
    await store.open()
    lose_answer(monkeypatch)
    await store.write(lambda tx: create(tx, "a"))
    assert [record.id for record in store.all(Kind.CLUSTER)] == ["a"]
    await store.close()


async def test_a_commit_in_doubt_is_settled_before_the_next_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_at(file)
    await store.open()
    lose_answer(monkeypatch)
    with monkeypatch.context() as away:
        away.setattr(Database, "committed_seq", lambda self: None)
        for id in "ab":
            with pytest.raises(HomeportError) as caught:
                await store.write(lambda tx, id=id: create(tx, id))  # type: ignore[misc]
            assert caught.value.code is ErrorCode.UNAVAILABLE
        assert store.all(Kind.CLUSTER) == []
    await store.write(lambda tx: create(tx, "c"))
    # The first was committed, the second never tried.
    assert [record.id for record in store.all(Kind.CLUSTER)] == ["a", "c"]
    assert store.seq == 2
    await store.close()


async def test_another_writer_is_noticed(file: Path) -> None:
    store = store_at(file)
    await store.open()
    await store._in_thread(
        lambda: store._database._connected().exec_driver_sql("UPDATE meta SET seq = 7").connection.commit()
    )
    with pytest.raises(HomeportError) as caught:
        await store.write(lambda tx: create(tx, "a"))
    assert caught.value.code is ErrorCode.CONFLICT
    assert store.all(Kind.CLUSTER) == []
    await store.close()


async def test_a_cancelled_caller_disturbs_nobody(file: Path) -> None:
    store = store_at(file)
    await store.open()
    leaving = asyncio.create_task(store.write(lambda tx: create(tx, "a")))
    staying = asyncio.create_task(store.write(lambda tx: create(tx, "b")))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    await store.write(lambda tx: create(tx, "c"))
    await store.close()


async def test_commits_reach_the_disk(file: Path) -> None:
    """A killed process proves nothing about a power cut: what SQLite promises there hangs on these settings."""
    store = store_at(file)
    await store.open()

    def settings() -> list[object]:
        connection = store._database._connected()
        names = ("synchronous", "journal_mode", "locking_mode")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
        connection.rollback()
        return found

    assert await store._in_thread(settings) == [2, "wal", "exclusive"]
    await store.close()


async def test_the_write_ahead_log_is_cut_after_a_large_transaction(file: Path) -> None:
    store = store_at(file)
    await store.open()
    await store.write(lambda tx: tx.create(Kind.CLUSTER, "large", {"text": "x" * 40_000_000}))
    log = file.with_name(file.name + "-wal")
    for number in range(3):
        await store.write(lambda tx, id=f"c{number}": tx.create(Kind.CLUSTER, id, {}))  # type: ignore[misc]
    assert log.stat().st_size <= 16 * 1024 * 1024
    await store.close()


def test_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", "sqlite+nonsense:///x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(HomeportError) as caught:
        SqlStore(url)
    assert "postgresql+psycopg://" in caught.value.hint


WRITER = """
import asyncio, sys
from controlplane.store.sql import SqlStore
from controlplane.store.store import Kind

async def main():
    store = SqlStore(f"sqlite:///{sys.argv[1]}")
    await store.open()
    async def write(writer):
        number = 0
        while True:
            id = f"{writer}-{number}"
            await store.write(lambda tx: tx.create(Kind.CLUSTER, id, {"text": "x" * 200}))
            print("acknowledged", id, flush=True)
            number += 1
    await asyncio.gather(*(write(number) for number in range(20)))

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_acknowledged(file: Path) -> None:
    acknowledged: set[str] = set()
    for round in range(5):
        command = [sys.executable, "-c", WRITER.replace('f"{writer}-', f'f"{round}-{{writer}}-'), str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                word, _, id = line.rstrip("\n").partition(" ")
                if word == "acknowledged" and line.endswith("\n"):
                    acknowledged.add(id)
                if len(acknowledged) == 2000 * (round + 1):
                    process.kill()
        assert process.returncode == -signal.SIGKILL
    found = {record.id for record in asyncio.run(read_clusters(file))}
    assert len(acknowledged) >= 10_000
    assert acknowledged <= found


async def read_clusters(file: Path) -> list[Record]:
    store = store_at(file)
    await store.open()
    records = store.all(Kind.CLUSTER)
    await store.close()
    return records


def lose_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next commit gets through, but its answer does not."""
    commit = Database.commit

    def committed_but(self: Database, batch: Batch, seq_before: int, changes_floor: int) -> None:
        monkeypatch.setattr(Database, "commit", commit)
        commit(self, batch, seq_before, changes_floor)
        raise UNAVAILABLE

    monkeypatch.setattr(Database, "commit", committed_but)


def refuse(self: Database, *_: object) -> None:
    raise HomeportError(ErrorCode.STORAGE_FULL, "full")


def read(file: Path) -> bytes:
    return file.read_bytes()


def write(file: Path, content: bytes | bytearray) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()
