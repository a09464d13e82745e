"""What every store promises (controlplane/store/store.py), on all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlplane.store.audit import AuditEntry, AuditQuery, Result
from controlplane.store.failing import FailingStore
from controlplane.store.history import Beyond, HistoryQuery, NodeHistory, Retention, TrafficQuery
from controlplane.store.memory import MemoryStore
from controlplane.store.sql import SqlStore
from controlplane.store.store import Change, Index, Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Entry, EntryKind, Page
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute
from tests.fakes.clock import FakeClock
from tests.fakes.postgresql import PostgresqlCluster

KEEP = 50
Opener = Callable[[], Awaitable[Store]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_700_000_000.0)


@pytest.fixture(params=["memory", "failing", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore(clock, KEEP)
    elif request.param == "failing":
        made = FailingStore(MemoryStore(clock, KEEP))
    else:
        made = SqlStore(database_url(request.param, request, tmp_path), clock, KEEP)
    await made.open()
    yield made
    await made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def reopen(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Opener]:
    """Opens a store on the same data again and again, closing the one before."""
    url = database_url(request.param, request, tmp_path)
    opened: list[SqlStore] = []

    async def open_again() -> Store:
        for older in opened:
            await older.close()
        opened[:] = [SqlStore(url, clock, KEEP)]
        await opened[0].open()
        return opened[0]

    yield open_again
    for last in opened:
        await last.close()


def database_url(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if name == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'homeport.db'}"
    cluster: PostgresqlCluster = request.getfixturevalue("postgresql")
    return cluster.new_database()


def create(id: str, **spec: object) -> Callable[[Transaction], Record]:
    return lambda tx: tx.create(Kind.CLUSTER, id, spec)


def ids(store: Store, kind: Kind = Kind.CLUSTER) -> list[str]:
    return [record.id for record in store.all(kind)]


async def read_until(stream: AsyncIterator[list[Change]], seq: int) -> list[Change]:
    """Everything up to and with that transaction."""
    found: list[Change] = []
    while not found or found[-1].seq < seq:
        found += await asyncio.wait_for(anext(stream), 60)
    return found


async def refused(store: Store, change: Callable[[Transaction], object]) -> HomeportError:
    with pytest.raises(HomeportError) as caught:
        await store.write(change)
    return caught.value


def put_placement(id: str, deployment_id: str, node_id: str) -> Callable[[Transaction], Record]:
    spec = {"deployment_id": deployment_id, "node_id": node_id}
    return lambda tx: (
        tx.put_spec(Kind.PLACEMENT, id, spec) if tx.get(Kind.PLACEMENT, id) else tx.create(Kind.PLACEMENT, id, spec)
    )


async def test_objects_are_found_by_what_they_belong_to(store: Store) -> None:
    for id, deployment_id, node_id in (("p2", "chat", "n1"), ("p1", "chat", "n2"), ("p3", "embed", "n1")):
        await store.write(put_placement(id, deployment_id, node_id))

    def found(objects: Store | Transaction, index: Index, key: str) -> list[str]:
        return [record.id for record in objects.find(index, key)]

    assert found(store, Index.PLACEMENTS_OF_DEPLOYMENT, "chat") == ["p1", "p2"]
    assert found(store, Index.PLACEMENTS_ON_NODE, "n1") == ["p2", "p3"]
    assert found(store, Index.PLACEMENTS_ON_NODE, "nobody") == []

    def change(tx: Transaction) -> list[list[str]]:
        put_placement("p2", "chat", "n3")(tx)
        put_placement("p4", "chat", "n1")(tx)
        tx.delete(Kind.PLACEMENT, "p3")
        return [found(tx, Index.PLACEMENTS_ON_NODE, node_id) for node_id in ("n1", "n2", "n3")]

    assert await store.write(change) == [["p4"], ["p1"], ["p2"]]
    assert [found(store, Index.PLACEMENTS_ON_NODE, node_id) for node_id in ("n1", "n2", "n3")] == [
        ["p4"],
        ["p1"],
        ["p2"],
    ]
    assert found(store, Index.PLACEMENTS_OF_DEPLOYMENT, "chat") == ["p1", "p2", "p4"]
    assert found(store, Index.PLACEMENTS_OF_DEPLOYMENT, "embed") == []

    def undone(tx: Transaction) -> None:
        put_placement("p1", "chat", "n9")(tx)
        raise HomeportError(ErrorCode.CONFLICT, "no")

    await refused(store, undone)
    assert found(store, Index.PLACEMENTS_ON_NODE, "n2") == ["p1"]


async def test_indexes_are_there_after_a_restart(reopen: Opener) -> None:
    store = await reopen()
    await store.write(put_placement("p1", "chat", "n1"))
    again = await reopen()
    assert [record.id for record in again.find(Index.PLACEMENTS_ON_NODE, "n1")] == ["p1"]


async def test_a_created_object_is_read_back(store: Store, clock: FakeClock) -> None:
    record = await store.write(create("a", region="north"))
    assert record == Record(Kind.CLUSTER, "a", 1, 1, clock.now, clock.now, {"region": "north"}, {})
    assert store.get(Kind.CLUSTER, "a") == record
    assert store.seq == 1
    assert store.get(Kind.MODEL, "a") is None
    assert len(store.store_id) == 32


async def test_all_is_ordered_by_id_and_the_callers_own(store: Store) -> None:
    for id in ("b", "c", "a"):
        await store.write(create(id))
    assert ids(store) == ["a", "b", "c"]
    store.all(Kind.CLUSTER).clear()
    assert ids(store) == ["a", "b", "c"]


async def test_a_second_create_is_refused(store: Store) -> None:
    await store.write(create("a"))
    assert (await refused(store, create("a"))).code is ErrorCode.ALREADY_EXISTS
    assert store.seq == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda tx: tx.put_spec(Kind.CLUSTER, "x", {}),
        lambda tx: tx.put_status(Kind.CLUSTER, "x", {}),
        lambda tx: tx.delete(Kind.CLUSTER, "x"),
    ],
)
async def test_what_is_not_there_cannot_be_changed(store: Store, change: Callable[[Transaction], object]) -> None:
    assert (await refused(store, change)).code is ErrorCode.NOT_FOUND


async def test_specs_count_generations_and_statuses_do_not(store: Store, clock: FakeClock) -> None:
    began = clock.now
    await store.write(create("a", x=1))
    clock.advance(5)
    changed = await store.write(lambda tx: tx.put_spec(Kind.CLUSTER, "a", {"x": 2}))
    assert (changed.generation, changed.created_at, changed.updated_at, changed.seq) == (2, began, clock.now, 2)
    changed = await store.write(lambda tx: tx.put_status(Kind.CLUSTER, "a", {"y": 3}))
    assert (changed.generation, changed.spec, changed.status, changed.seq) == (2, {"x": 2}, {"y": 3}, 3)


async def test_equal_writes_change_nothing(store: Store) -> None:
    first = await store.write(create("a", x=1))
    assert await store.write(lambda tx: tx.put_spec(Kind.CLUSTER, "a", {"x": 1})) == first
    assert await store.write(lambda tx: tx.put_status(Kind.CLUSTER, "a", {})) == first
    assert store.seq == 1


async def test_a_transaction_sees_its_own_writes(store: Store, clock: FakeClock) -> None:
    await store.write(create("a"))

    def change(tx: Transaction) -> list[str]:
        tx.create(Kind.CLUSTER, "b", {})
        tx.delete(Kind.CLUSTER, "a")
        assert tx.get(Kind.CLUSTER, "a") is None
        assert tx.get(Kind.CLUSTER, "b") is not None
        assert (tx.seq, tx.now) == (2, clock.now)
        return [record.id for record in tx.all(Kind.CLUSTER)]

    assert await store.write(change) == ["b"]
    assert ids(store) == ["b"]


async def test_raising_undoes_the_whole_transaction(store: Store) -> None:
    await store.write(create("a", x=1))

    def change(tx: Transaction) -> None:
        tx.create(Kind.CLUSTER, "b", {})
        tx.put_spec(Kind.CLUSTER, "a", {"x": 2})
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await store.write(change)
    assert ids(store) == ["a"]
    record = store.get(Kind.CLUSTER, "a")
    assert record is not None
    assert record.spec == {"x": 1}
    assert store.seq == 1


async def test_writes_of_one_moment_stand_alone(store: Store) -> None:
    """Half of them raise, and still each of the others is there, in order, with a seq of its own."""

    def change(number: int) -> Callable[[Transaction], int]:
        def write(tx: Transaction) -> int:
            tx.create(Kind.CLUSTER, f"{number:03}", {})
            if number % 2:
                raise ValueError(number)
            return tx.seq

        return write

    outcomes = await asyncio.gather(*(store.write(change(number)) for number in range(100)), return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == list(range(1, 51))
    assert [outcome.args[0] for outcome in outcomes if isinstance(outcome, ValueError)] == list(range(1, 100, 2))
    assert ids(store) == [f"{number:03}" for number in range(0, 100, 2)]


async def test_concurrent_changes_of_one_object_are_not_lost(store: Store) -> None:
    await store.write(create("a", count=0))

    def increment(tx: Transaction) -> None:
        record = tx.get(Kind.CLUSTER, "a")
        assert record is not None
        tx.put_spec(Kind.CLUSTER, "a", {"count": record.spec["count"] + 1})

    await asyncio.gather(*(store.write(increment) for _ in range(300)))
    record = store.get(Kind.CLUSTER, "a")
    assert record is not None
    assert (record.spec, record.generation) == ({"count": 300}, 301)


async def test_an_object_that_comes_and_goes_is_no_change(store: Store) -> None:
    def change(tx: Transaction) -> None:
        tx.create(Kind.CLUSTER, "a", {})
        tx.delete(Kind.CLUSTER, "a")

    await store.write(change)
    assert store.seq == 0


async def test_specs_are_copied_as_json_reads_them(store: Store) -> None:
    spec = {"list": [1], "tuple": (1, 2), "text": "nul \0"}
    await store.write(lambda tx: tx.create(Kind.CLUSTER, "a", spec))
    spec["list"].append(2)  # type: ignore[attr-defined]
    record = store.get(Kind.CLUSTER, "a")
    assert record is not None
    assert record.spec == {"list": [1], "tuple": [1, 2], "text": "nul \0"}


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
async def test_what_json_cannot_hold_fails_alone(store: Store, value: object) -> None:
    outcomes = await asyncio.gather(
        store.write(create("a")), store.write(create("b", x=value)), store.write(create("c")), return_exceptions=True
    )
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert ids(store) == ["a", "c"]


async def test_changes_follow_from_the_call_on(store: Store) -> None:
    await store.write(create("before"))
    stream = store.changes()
    await store.write(create("a"))
    await store.write(lambda tx: tx.delete(Kind.CLUSTER, "a"))
    changes = await read_until(stream, 3)
    assert [(c.seq, c.id, c.record is None) for c in changes] == [(2, "a", False), (3, "a", True)]


async def test_changes_follow_from_any_seq_that_the_log_holds(store: Store) -> None:
    for id in "abc":
        await store.write(create(id))
    assert [change.id for change in await read_until(store.changes(1), 3)] == ["b", "c"]
    assert [change.id for change in await read_until(store.changes(0), 3)] == ["a", "b", "c"]


async def test_a_waiting_follower_is_woken(store: Store) -> None:
    stream = store.changes()
    reading = asyncio.create_task(read_until(stream, 1))
    await asyncio.sleep(0)
    await store.write(create("a"))
    assert [change.id for change in await reading] == ["a"]


async def test_a_seq_of_the_future_is_a_conflict(store: Store) -> None:
    with pytest.raises(HomeportError) as caught:
        await anext(store.changes(7))
    assert caught.value.code is ErrorCode.CONFLICT


async def test_the_log_is_bounded_and_a_slow_follower_must_list_again(store: Store) -> None:
    slow = store.changes()
    for number in range(KEEP * 2):
        await store.write(create(f"{number:03}"))
    with pytest.raises(HomeportError) as caught:
        await anext(slow)
    assert caught.value.code is ErrorCode.CONFLICT
    newest = await read_until(store.changes(store.seq - KEEP), store.seq)
    assert [change.seq for change in newest] == list(range(KEEP + 1, 2 * KEEP + 1))


async def test_a_transaction_is_one_portion_however_large(store: Store) -> None:
    stream = store.changes()

    def change(tx: Transaction) -> None:
        for number in range(KEEP):
            tx.create(Kind.CLUSTER, f"{number:04}", {})

    await store.write(change)
    assert len(await asyncio.wait_for(anext(stream), 60)) == KEEP


async def test_deletions_are_known_as_far_as_the_log_reaches(store: Store) -> None:
    for id in ("gone", "back", "here"):
        await store.write(create(id))
    for id in ("gone", "back"):
        await store.write(lambda tx, id=id: tx.delete(Kind.CLUSTER, id))  # type: ignore[misc]
    await store.write(create("back"))
    assert store.known_deletions(Kind.CLUSTER) == {"gone"}
    assert store.known_deletions(Kind.NODE) == set()


async def test_renumbering_begins_a_new_store_id_and_nothing_else(store: Store) -> None:
    await store.write(create("a"))
    before, seq = store.store_id, store.seq
    await store.renumber()
    assert store.store_id != before
    assert (store.seq, ids(store)) == (seq, ["a"])
    await store.write(create("b"))
    assert store.seq == seq + 1


async def test_a_closed_store_takes_no_writes_and_ends_its_followers(store: Store) -> None:
    stream = store.changes()
    await store.close()
    assert (await refused(store, create("a"))).code is ErrorCode.UNAVAILABLE
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), 60)


async def test_everything_is_there_after_reopening(reopen: Opener) -> None:
    store = await reopen()
    await store.write(create("a", x=1))
    await store.write(lambda tx: tx.put_status(Kind.CLUSTER, "a", {"y": [1, None, "é"]}))
    await store.write(create("b"))
    await store.write(lambda tx: tx.delete(Kind.CLUSTER, "b"))
    before = (store.store_id, store.seq, store.all(Kind.CLUSTER))
    store = await reopen()
    assert (store.store_id, store.seq, store.all(Kind.CLUSTER)) == before
    await store.write(create("c"))
    assert store.seq == 5
    await store.renumber()
    renumbered = store.store_id
    store = await reopen()
    assert store.store_id == renumbered != before[0]
    assert store.known_deletions(Kind.CLUSTER) == {"b"}


async def test_a_follower_goes_on_after_reopening(reopen: Opener) -> None:
    """It may miss steps in between, never how things are."""
    store = await reopen()
    for id in "abc":
        await store.write(create(id))
    await store.write(lambda tx: tx.put_spec(Kind.CLUSTER, "b", {"x": 1}))
    await store.write(lambda tx: tx.delete(Kind.CLUSTER, "c"))
    store = await reopen()
    seen = {change.id: change.record for change in await read_until(store.changes(1), 5)}
    assert {id: record and record.spec for id, record in seen.items()} == {"b": {"x": 1}, "c": None}


async def test_the_bounded_log_stays_bounded_after_reopening(reopen: Opener) -> None:
    store = await reopen()
    for number in range(KEEP * 3):
        await store.write(create(f"{number:03}"))
    store = await reopen()
    with pytest.raises(HomeportError):
        await anext(store.changes(KEEP // 2))
    assert len(await read_until(store.changes(store.seq - KEEP), store.seq)) == KEEP


async def test_pending_writes_are_committed_by_close(reopen: Opener) -> None:
    store = await reopen()
    writes = [asyncio.create_task(store.write(create(f"{number:03}"))) for number in range(100)]
    await asyncio.sleep(0)
    store = await reopen()
    await asyncio.gather(*writes)
    assert len(ids(store)) == 100


async def test_a_second_server_is_refused(reopen: Opener, request: pytest.FixtureRequest) -> None:
    store = await reopen()
    assert isinstance(store, SqlStore)
    second = SqlStore(store.url)
    with pytest.raises(HomeportError) as caught:
        await second.open()
    assert caught.value.code is ErrorCode.CONFLICT
    assert "in use by another homeport-server" in caught.value.message
    assert caught.value.hint
    await store.write(create("still-works"))


async def test_a_failing_store_fails_so_often_and_then_no_more() -> None:
    store = FailingStore(MemoryStore())
    await store.open()
    store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"), writes=2)
    assert (await refused(store, create("a"))).code is ErrorCode.STORAGE_FULL
    assert (await refused(store, create("a"))).code is ErrorCode.STORAGE_FULL
    assert ids(store) == []
    await store.write(create("a"))
    assert ids(store) == ["a"]
    await store.close()


async def test_a_lost_connection_is_dialled_again(postgresql: PostgresqlCluster, clock: FakeClock) -> None:
    url = postgresql.new_database()
    store = SqlStore(url, clock)
    await store.open()
    await store.write(create("a"))
    postgresql.disconnect_clients(url)
    assert (await refused(store, create("b"))).code is ErrorCode.UNAVAILABLE
    await store.write(create("c"))
    assert ids(store) == ["a", "c"]
    await store.close()


def _entry(name: str, actor: str = "user/ann") -> AuditEntry:
    details = {"request": "POST /x", "before": None, "after": {"spec": {"a": 1}}}
    return AuditEntry(actor, "t", "192.0.2.1", "r", "create", "cluster", name, Result.DONE, details)


async def _audited(store: Store, name: str, actor: str = "user/ann") -> None:
    """With and without another change in the same transaction."""

    def change(tx: Transaction) -> None:
        tx.create(Kind.CLUSTER, name, {})
        tx.audit(_entry(name, actor))

    await store.write(change)
    await store.write(lambda tx: tx.audit(_entry(f"{name}-alone", actor)))


async def test_audit_entries_get_a_number_and_a_time_and_come_newest_first(store: Store, clock: FakeClock) -> None:
    await _audited(store, "a")
    clock.advance(10)
    await _audited(store, "b", "user/ben")
    entries = await store.audit_entries(AuditQuery())
    assert [entry.object_id for entry in entries] == ["b-alone", "b", "a-alone", "a"]
    assert [entry.at for entry in entries] == [clock(), clock(), clock() - 10, clock() - 10]
    assert replace(entries[-1], number=0, at=0.0) == _entry("a")
    assert sorted({entry.number for entry in entries}, reverse=True) == [entry.number for entry in entries]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AuditQuery({"actor": "user/ben"}), ["b-alone", "b"]),
        (AuditQuery({"actor": "user/ben", "object_id": "b"}), ["b"]),
        (AuditQuery({"result": "denied"}), []),
        (AuditQuery(since=1_700_000_010.0), ["b-alone", "b"]),
        (AuditQuery(until=1_700_000_010.0), ["a-alone", "a"]),
        (AuditQuery(limit=1), ["b-alone"]),
        (AuditQuery(oldest_first=True, limit=3), ["a", "a-alone", "b"]),
        (AuditQuery(beyond=3), ["a-alone", "a"]),
        (AuditQuery(beyond=3, oldest_first=True), ["b-alone"]),
    ],
)
async def test_audit_entries_are_found(store: Store, clock: FakeClock, query: AuditQuery, expected: list[str]) -> None:
    await _audited(store, "a")
    clock.advance(10)
    await _audited(store, "b", "user/ben")
    assert [entry.object_id for entry in await store.audit_entries(query)] == expected


async def test_what_is_undone_is_not_audited(store: Store) -> None:
    def change(tx: Transaction) -> None:
        tx.audit(_entry("a"))
        raise HomeportError(ErrorCode.CONFLICT, "no")

    with pytest.raises(HomeportError):
        await store.write(change)
    assert await store.audit_entries(AuditQuery()) == []


async def test_an_entry_alone_takes_no_seq(store: Store) -> None:
    seq = store.seq
    await store.write(lambda tx: tx.audit(_entry("a")))
    assert store.seq == seq


async def test_a_transaction_tells_what_it_comes_to(store: Store) -> None:
    await store.write(lambda tx: (tx.create(Kind.CLUSTER, "a", {"x": 1}), tx.create(Kind.CLUSTER, "b", {})))

    def change(tx: Transaction) -> list[tuple[str, object, object]]:
        tx.put_spec(Kind.CLUSTER, "a", {"x": 2})
        tx.delete(Kind.CLUSTER, "b")
        tx.create(Kind.CLUSTER, "c", {})
        found = tx.differences()
        return [(d.id, d.before and d.before.spec, d.after and d.after.spec) for d in found]

    assert await store.write(change) == [("a", {"x": 1}, {"x": 2}), ("b", {}, None), ("c", None, {})]


async def test_old_audit_entries_are_forgotten_and_numbers_go_on(store: Store, clock: FakeClock) -> None:
    await _audited(store, "a")
    clock.advance(10)
    await _audited(store, "b")
    newest = (await store.audit_entries(AuditQuery()))[0].number
    assert await store.forget_audit(clock() - 5) == 2
    assert [entry.object_id for entry in await store.audit_entries(AuditQuery())] == ["b-alone", "b"]
    clock.advance(10)
    await store.forget_audit(clock())
    await _audited(store, "c")
    entries = await store.audit_entries(AuditQuery())
    assert [entry.object_id for entry in entries][:2] == ["c-alone", "c"]
    assert entries[1].number > newest


async def test_audit_entries_are_there_after_reopening(reopen: Opener) -> None:
    await _audited(await reopen(), "a")
    store = await reopen()
    await _audited(store, "b")
    entries = await store.audit_entries(AuditQuery(oldest_first=True))
    assert [(entry.number, entry.object_id) for entry in entries] == [
        (1, "a"),
        (2, "a-alone"),
        (3, "b"),
        (4, "b-alone"),
    ]


# ---- what nodes remember


def started(number: int, time: float, deployment_id: str = "chat") -> Entry:
    return Entry(number, deployment_id, time, ColdStart(f"r{number}", 1, StartParts(load_seconds=1.5)))


def minute(number: int, time: float, arrivals: int, deployment_id: str = "chat") -> Entry:
    told = TrafficMinute(arrivals, arrivals, 0.5 * arrivals, 0.25, arrivals, 2, 10 * arrivals)
    return Entry(number, deployment_id, time, told)


async def keep(store: Store, node_id: str, *entries: Entry, log_id: str = "log") -> None:
    await store.keep_history([NodeHistory(node_id, Page(log_id, entries))])


async def start_times(store: Store, **question: Any) -> list[float]:
    query = HistoryQuery("chat", EntryKind.COLD_START, **question)
    return [kept.entry.time for kept in await store.history(query)]


async def test_history_is_read_newest_first_and_page_by_page(store: Store) -> None:
    await keep(store, "n1", *(started(n, 100.0 + n // 2) for n in range(1, 8)))
    # Told late: a node that was offline.
    await keep(store, "n2", started(1, 101.5))
    assert await start_times(store) == [103.0, 103.0, 102.0, 102.0, 101.5, 101.0, 101.0, 100.0]
    assert await start_times(store, since=102.0) == [103.0, 103.0, 102.0, 102.0]
    read: list[float] = []
    beyond = None
    while page := await store.history(HistoryQuery("chat", EntryKind.COLD_START, beyond=beyond, limit=3)):
        read += [kept.entry.time for kept in page]
        beyond = Beyond(page[-1].entry.time, page[-1].number)
    assert read == await start_times(store)


async def test_history_comes_back_as_it_was_told(store: Store) -> None:
    change = Entry(2, "chat", 5.5, ScalingChange(1, 2, 3, "concurrency", "because", {"in_flight": 7.5}, 9.0))
    await keep(store, "n1", started(1, 4.25), change)
    [kept] = await store.history(HistoryQuery("chat", EntryKind.SCALING))
    assert (kept.node_id, kept.entry) == ("n1", change)
    [kept] = await store.history(HistoryQuery("chat", EntryKind.COLD_START))
    assert kept.entry == started(1, 4.25)
    assert await store.history(HistoryQuery("other", EntryKind.COLD_START)) == []


async def test_what_is_told_twice_is_taken_once(store: Store) -> None:
    first, second, third = started(1, 1.0), minute(2, 65.0, 7), started(3, 2.0)
    await keep(store, "n1", first, second)
    await keep(store, "n1", first, second)
    await keep(store, "n1", second, third)
    await store.keep_history([NodeHistory("n1", Page("log", (third,))), NodeHistory("n1", Page("log", (third,)))])
    assert await start_times(store) == [2.0, 1.0]
    [kept] = await store.traffic(TrafficQuery("chat"))
    assert kept.traffic.arrivals == 7


async def test_each_node_and_each_new_log_counts_by_itself(store: Store) -> None:
    await keep(store, "n1", started(5, 1.0))
    await keep(store, "n2", started(1, 2.0))
    await keep(store, "n1", started(1, 3.0), log_id="another")
    assert await start_times(store) == [3.0, 2.0, 1.0]


async def test_traffic_adds_up_over_nodes_and_parts_of_a_minute(store: Store) -> None:
    await keep(store, "n1", minute(1, 61.0, 3), minute(2, 95.0, 4), minute(3, 120.0, 5))
    await keep(store, "n2", minute(1, 60.0, 10), minute(2, 60.0, 1, "other"))
    found = await store.traffic(TrafficQuery("chat"))
    assert [(each.minute, each.traffic.arrivals, each.traffic.tokens) for each in found] == [
        (60, 17, 170),
        (120, 5, 50),
    ]
    assert found[0].traffic.service_seconds == 0.5
    assert found[0].traffic.waiting_seconds == 0.75
    assert [each.minute for each in await store.traffic(TrafficQuery("chat", since=61))] == [120]
    assert [each.minute for each in await store.traffic(TrafficQuery("chat", until=120))] == [60]
    assert [each.minute for each in await store.traffic(TrafficQuery("chat", limit=1))] == [60]


async def test_history_is_trimmed_to_the_newest_of_each_deployment_that_is_there(store: Store) -> None:
    await keep(
        store, "n1", *(started(n, float(n)) for n in range(1, 31)), *(minute(n, n * 60.0, n) for n in range(31, 41))
    )
    await keep(store, "n2", started(1, 0.5, "gone"), minute(2, 60.0, 1, "gone"), started(3, 7.5))
    kept = Retention(frozenset({"chat"}), frozenset({"n1"}), entries=10, traffic_since=36 * 60.0)
    assert await store.trim_history(kept) == 21 + 5 + 2
    assert await start_times(store) == [float(n) for n in range(30, 20, -1)]
    assert [each.minute // 60 for each in await store.traffic(TrafficQuery("chat"))] == [36, 37, 38, 39, 40]
    assert await store.traffic(TrafficQuery("gone")) == []
    # What n1 has told is still known; a node that is gone may come again with anything.
    await keep(store, "n1", started(30, 99.0))
    await keep(store, "n2", started(3, 7.5))
    assert 99.0 not in await start_times(store)
    assert 7.5 in await start_times(store)
    assert await store.trim_history(kept) == 1


def used(number: int, time: float, requests: int, token_id: str = "t1", deployment_id: str = "chat") -> Entry:
    return Entry(number, deployment_id, time, TokenUsage(token_id, requests, 10 * requests))


async def test_usage_adds_up_by_token_deployment_and_day_and_counts_once(store: Store) -> None:
    day = 86_400.0
    told = (
        used(1, day, 3),
        used(2, day + 600, 4),
        used(3, 2 * day, 1),
        used(4, day, 9, "t2"),
        used(5, day, 2, "t1", "a"),
    )
    await keep(store, "n1", *told[:2])
    await keep(store, "n1", *told)
    await keep(store, "n2", used(1, 2 * day + 1, 5))
    assert [(each.day / day, each.deployment_id, each.usage) for each in await store.site_usage("t1")] == [
        (1, "a", TokenUsage("t1", 2, 20)),
        (1, "chat", TokenUsage("t1", 7, 70)),
        (2, "chat", TokenUsage("t1", 6, 60)),
    ]
    assert await store.history(HistoryQuery("chat", EntryKind.TOKEN_USAGE)) == []
    kept = Retention(frozenset({"chat"}), frozenset({"n1"}), usage_since=2 * day)
    assert await store.trim_history(kept) == 3
    assert [each.usage.requests for each in await store.site_usage("t1")] == [6]
    assert await store.site_usage("t2") == []


async def test_history_is_durable_and_takes_no_seq(reopen: Opener) -> None:
    store = await reopen()
    seq = store.seq
    await keep(store, "n1", started(1, 1.0), minute(2, 60.0, 4))
    assert store.seq == seq
    store = await reopen()
    await keep(store, "n1", started(1, 1.0), minute(2, 60.0, 4))
    assert await start_times(store) == [1.0]
    assert [each.traffic.arrivals for each in await store.traffic(TrafficQuery("chat"))] == [4]
