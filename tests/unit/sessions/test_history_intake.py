"""What a node tells of the past, from the wire to the store: acknowledged once it is written, and not before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from homeport_proto.v1 import session_pb2 as pb

from agent.link.history_wire import history_to_wire
from controlplane.auth.ca import open_ca
from controlplane.history.intake import HistoryIntake
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.history_wire import history_from_wire
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.failing import FailingStore
from controlplane.store.history import HistoryQuery, TrafficQuery
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Entry, EntryKind, Page
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.traffic_minute import TrafficMinute
from tests.fakes.clock import FakeClock
from tests.fakes.session_stream import SessionStream

START = ColdStart("r1", 2, StartParts(0.5, 0.25, 3.0, 0.125, 8.0, 1.5, 0.0625), "because")
CHANGE = ScalingChange(1, 3, 4, "concurrency", "9 requests", {"in_flight": 9.0}, 1234.5)
MINUTE = TrafficMinute(60, 59, 30.5, 1.25, 3, 5, 900)
PAGE = Page("log", (Entry(1, "chat", 10.5, START), Entry(2, "chat", 11.5, CHANGE), Entry(3, "chat", 60.0, MINUTE)))


@pytest.fixture
async def store() -> AsyncIterator[FailingStore]:
    store = FailingStore(MemoryStore())
    await store.open()
    await store.write(
        lambda tx: tx.create(Kind.NODE, "n1", {"name": "n1", "cluster": "home", "nodepool": "default"}, {"epoch": 0})
    )
    yield store
    await store.close()


def test_the_wire_changes_nothing() -> None:
    assert history_from_wire(pb.History.FromString(history_to_wire(PAGE).SerializeToString())) == PAGE


async def test_a_session_takes_history_and_says_when_it_is_kept(store: FailingStore, tmp_path: Path) -> None:
    desired, registry = DesiredStates(store), NodeRegistry(FakeClock())
    sessions = Sessions(store, desired)
    terms = SessionTerms("0.1.0", 2.0, (":8444",), ":8443", timedelta(hours=24))
    service = SessionService(store, registry, sessions, desired, LogBroker(sessions.ask), open_ca(tmp_path), terms)
    taking = asyncio.create_task(service.history.run())
    async with SessionStream(service, "n1") as stream:
        stream.send(pb.AgentMessage(hello=pb.Hello()))
        welcome = (await stream.expect("welcome")).welcome
        assert "history" in welcome.features
        stream.epoch = welcome.epoch
        await stream.expect("desired_state")
        stream.send(pb.AgentMessage(history=history_to_wire(PAGE)))
        kept = (await stream.expect("history_kept")).history_kept
        assert (kept.log_id, kept.number) == ("log", 3)
    taking.cancel()
    [start] = await store.history(HistoryQuery("chat", EntryKind.COLD_START))
    [change] = await store.history(HistoryQuery("chat", EntryKind.SCALING))
    [minute] = await store.traffic(TrafficQuery("chat"))
    assert (start.entry.told, change.entry.told, minute.traffic) == (START, CHANGE, MINUTE)
    assert start.node_id == "n1"


async def test_what_could_not_be_written_is_not_acknowledged(store: FailingStore) -> None:
    intake = HistoryIntake(store)
    kept: list[tuple[str, int]] = []
    store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "disk full"))
    intake.take("n1", PAGE, lambda log_id, number: kept.append((log_id, number)))
    await intake.keep()
    assert kept == []
    intake.take("n1", PAGE, lambda log_id, number: kept.append((log_id, number)))
    await intake.keep()
    assert kept == [("log", 3)]
    assert len(await store.history(HistoryQuery("chat", EntryKind.COLD_START))) == 1


async def test_a_fleet_that_tells_too_much_at_once_is_taken_in_turns(store: FailingStore) -> None:
    intake = HistoryIntake(store)
    kept: list[int] = []
    for node in range(200):
        page = Page("log", tuple(Entry(number, "chat", 60.0 * number, MINUTE) for number in range(1, 501)))
        intake.take(f"n{node}", page, lambda log_id, number, node=node: kept.append(node))  # type: ignore[misc]
    await intake.keep()
    assert kept == list(range(100))
    assert [each.traffic.arrivals for each in await store.traffic(TrafficQuery("chat", limit=2))] == [6000, 6000]
