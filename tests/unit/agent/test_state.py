"""What is on the disk after which step."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.drivers.driver import Handle
from agent.placement import DesiredState, Placement, Version
from agent.state.database import StateDatabase
from agent.state.desired import DesiredStateStore
from agent.state.directory import StateDirectory
from agent.state.identity import Identity, IdentityStore
from agent.state.journal import ReplicaJournal, ReplicaRecord, Stage
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.policy import Policy, Scaling
from homeport.core.resources import DeviceShare
from homeport.core.workload import Workload

WORKLOAD = Workload("process", ("serve", "--port", "{port}"), env={"A": "b"})
IDENTITY = Identity("n1", "home", "default", "cp:8443", b"key", b"certificate", b"ca", 3600, "boot", 100.0)


class TestDirectory:
    def test_is_private(self, tmp_path: Path) -> None:
        with StateDirectory(tmp_path / "a" / "b") as directory:
            assert stat.S_IMODE(directory.root.stat().st_mode) == 0o700

    def test_a_second_agent_is_refused_and_told_who_holds_it(self, tmp_path: Path) -> None:
        with StateDirectory(tmp_path), pytest.raises(HomeportError, match=f"process {os.getpid()}") as refused:
            StateDirectory(tmp_path).lock()
        assert refused.value.code is ErrorCode.IN_USE

    def test_the_lock_goes_with_its_process(self, tmp_path: Path) -> None:
        code = (
            "import pathlib, sys, time; from agent.state.directory import StateDirectory; "
            "StateDirectory(pathlib.Path(sys.argv[1])).lock(); print('locked', flush=True); time.sleep(600)"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            with pytest.raises(HomeportError):
                StateDirectory(tmp_path).lock()
            holder.kill()
        with StateDirectory(tmp_path):
            pass

    def test_an_unusable_place_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(HomeportError, match="--state-dir"):
            StateDirectory(tmp_path / "file" / "state").lock()


class TestIdentity:
    def test_is_none_before_joining(self, tmp_path: Path) -> None:
        assert IdentityStore(tmp_path / "identity").load() is None

    def test_the_newest_counts_and_the_one_before_is_kept(self, tmp_path: Path) -> None:
        store = IdentityStore(tmp_path)
        for number in range(4):
            store.save(replace(IDENTITY, certificate=b"certificate %d" % number))
        assert store.load() == replace(IDENTITY, certificate=b"certificate 3")
        assert sorted(os.listdir(tmp_path)) == ["3", "3.copy", "4", "4.copy", "current"]

    def test_files_are_the_owners_alone(self, tmp_path: Path) -> None:
        IdentityStore(tmp_path).save(IDENTITY)
        for path in (tmp_path / "current").resolve().iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("step", range(11))
    def test_a_crash_at_any_write_leaves_the_old_one_in_use(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
    ) -> None:
        store = IdentityStore(tmp_path)
        store.save(IDENTITY)
        calls = 0
        real = os.fsync

        def crash_at(descriptor: int) -> None:
            nonlocal calls
            if calls == 2 * step:
                raise OSError(5, "crashed")
            calls += 1
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", crash_at)
            with pytest.raises(OSError, match="crashed"):
                store.save(replace(IDENTITY, key=b"new key"))
        assert store.load() == IDENTITY
        store.save(replace(IDENTITY, key=b"newer key"))
        assert store.load() == replace(IDENTITY, key=b"newer key")

    def test_the_age_of_a_certificate_needs_no_wall_clock(self) -> None:
        assert IDENTITY.age_seconds("boot", 160.0) == 60.0
        assert IDENTITY.age_seconds("another boot", 160.0) is None


class TestDatabase:
    async def test_desired_state_comes_back_whole(self, tmp_path: Path) -> None:
        policy = Policy(Scaling(min_replicas=0, max_replicas=3), hold_seconds=5)
        placement = Placement("p", "chat", 2, 1, 0, 3, WORKLOAD, "h", policy, (DeviceShare("GPU-1", 7),))
        state = DesiredState(Version("s", 9), {"p": placement}, frozenset({"old"}), {"p": "s"})
        database = StateDatabase.open(tmp_path / "state.db")
        assert await DesiredStateStore(database).load() == DesiredState()
        await DesiredStateStore(database).save(state)
        database.close()
        database = StateDatabase.open(tmp_path / "state.db")
        assert await DesiredStateStore(database).load() == state
        database.close()

    async def test_the_journal_follows_a_replica(self, tmp_path: Path) -> None:
        database = StateDatabase.open(tmp_path / "state.db")
        journal = ReplicaJournal(database)
        record = ReplicaRecord("r", "p", "chat", 1, "h", WORKLOAD, ("GPU-1",))
        await journal.put(record)
        started = replace(record, stage=Stage.STARTED, handle=Handle("process", 1, "127.0.0.1", 80, {"pid": 7}))
        await journal.put(started)
        assert await journal.load() == [started]
        await journal.remove("r")
        assert await journal.load() == []
        database.close()

    async def test_a_write_is_all_or_nothing(self, tmp_path: Path) -> None:
        database = StateDatabase.open(tmp_path / "state.db")
        store = DesiredStateStore(database)
        held = DesiredState(Version("s", 1), {"p": Placement("p", "chat", 1, 0, 0, 1, WORKLOAD, "h")})
        await store.save(held)

        def fail(db: object) -> None:
            db.execute("DELETE FROM rows")  # type: ignore[attr-defined]
            raise sqlite3.OperationalError("disk I/O error")

        with pytest.raises(HomeportError, match="cannot be written"):
            await database.run(fail)
        assert await store.load() == held
        database.close()

    async def test_a_full_disk_is_a_typed_error(self, tmp_path: Path) -> None:
        database = StateDatabase.open(tmp_path / "state.db")
        await database.run(lambda db: db.execute("PRAGMA max_page_count = 8"))
        big = Workload("process", ("x" * 100_000,))
        with pytest.raises(HomeportError) as refused:
            await ReplicaJournal(database).put(ReplicaRecord("r", "p", "chat", 1, "h", big))
        assert refused.value.code is ErrorCode.STORAGE_FULL
        database.close()

    def test_writes_are_durable_before_they_are_acknowledged(self, tmp_path: Path) -> None:
        database = StateDatabase.open_inline(tmp_path / "state.db")

        async def pragmas() -> tuple[object, object]:
            return await database.run(
                lambda db: (
                    db.execute("PRAGMA journal_mode").fetchone()[0],
                    db.execute("PRAGMA synchronous").fetchone()[0],
                )
            )

        assert asyncio.run(pragmas()) == ("wal", 2)
        database.close()
