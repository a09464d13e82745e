"""What local gateways are told over their sessions, and their siblings of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.sessions import OpenSession, Sessions
from controlplane.sites.site_feed import SiteFeed
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core import canonical
from homeport.core.node_identity import Certificates, NodeAccess, Serial, Shown
from homeport.gateway.routing.routes import RoutePolicy
from homeport.gateway.tables import GatewayTables
from tests.fakes.clock import FakeClock
from tests.fakes.local_site import FACTS

NODES = {"a1": "plant-a", "a2": "plant-a", "b1": "plant-b"}
ACCESS = NodeAccess(Certificates(Serial("1", 0.0)))


def invoker(scope: str) -> dict[str, Any]:
    return {**FACTS, "grants": [["invoker", scope]]}


@dataclass
class Heard:
    """A node's end of its session."""

    session: OpenSession
    messages: list[pb.ControlMessage] = field(default_factory=list)
    # As its gateway has them now.
    entries: dict[tuple[str, str], Any] = field(default_factory=dict)
    deltas: list[list[tuple[str, str]]] = field(default_factory=list)
    siblings: list[dict[str, str]] = field(default_factory=list)

    def take(self, message: pb.ControlMessage) -> None:
        self.messages.append(message)
        if message.HasField("site_gateways"):
            self.siblings.append({each.node_id: each.target for each in message.site_gateways.gateways})
        if message.HasField("site_tables"):
            tables = message.site_tables
            if tables.first:
                self.entries = {}
            for each in tables.entries:
                if each.value_json:
                    self.entries[each.table, each.key] = json.loads(each.value_json)
                else:
                    del self.entries[each.table, each.key]
            self.deltas.append([(each.table, each.key) for each in tables.entries])


class Sites:
    def __init__(self) -> None:
        self.store = MemoryStore(FakeClock())
        self.tables = GatewayTables()
        self.sessions = Sessions(self.store, DesiredStates(self.store))
        self.feed = SiteFeed(self.store, self.tables, self.sessions, 3600)

    async def open(self) -> None:
        await self.store.open()
        for node_id, cluster in NODES.items():
            spec = {"name": node_id, "cluster": cluster, "nodepool": "default"}
            await self.store.write(partial(_create, node_id, spec))
            self.tables.put("nodes", node_id, canonical.to_plain(ACCESS))
        for id, places in (("chat", ("a1", "b1")), ("draw", ("b1",))):
            self.tables.routes.put(RoutePolicy(id, "m", placements=dict.fromkeys(places, (0, 1, 1))))
        for id, facts in (
            ("all", invoker("organisation")),
            ("chats", invoker("deployment/chat")),
            ("draws", invoker("deployment/draw")),
            ("views", {**FACTS, "grants": [["viewer", "organisation"]]}),
        ):
            self.tables.put("tokens", id, facts)

    async def connect(self, node_id: str, target: str = "") -> Heard:
        """With a gateway at `target`."""
        status = {"epoch": 4, "local_gateway": {"tunnel_target": target} if target else None}
        await self.store.write(lambda tx: tx.put_status(Kind.NODE, node_id, status))
        session = OpenSession(node_id, 4, Shown(node_id, "1", 0.0, 9e9), lambda message: heard.take(message), _nothing)
        heard = Heard(session)
        self.sessions.open(session)
        self.feed.opened(session, bool(target))
        return heard

    async def put(self, table: str, key: str, value: Any) -> None:
        self.tables.put(table, key, value)
        self.feed.tables_changed()


def _create(node_id: str, spec: dict[str, Any], tx: Transaction) -> None:
    tx.create(Kind.NODE, node_id, spec, {"epoch": 3})


def _nothing(seconds: float) -> None:
    pass


@pytest.fixture
async def sites() -> AsyncIterator[Sites]:
    sites = Sites()
    await sites.open()
    tasks = [asyncio.create_task(sites.feed.follow_store()), asyncio.create_task(sites.feed.run())]
    yield sites
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sites.store.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what tests wait for has no event
            await asyncio.sleep(0.01)


async def test_a_gateway_hears_of_its_own_cluster_and_of_those_who_may_invoke_there(sites: Sites) -> None:
    heard = await sites.connect("a2", "10.0.0.2:8001")
    await until(lambda: heard.entries)
    assert sorted(heard.entries) == [
        ("epochs", "a1"),
        ("epochs", "a2"),
        ("nodes", "a1"),
        ("nodes", "a2"),
        ("routes", "chat"),
        ("tokens", "all"),
        ("tokens", "chats"),
    ]
    assert heard.entries["routes", "chat"]["placements"] == {"a1": [0, 1, 1]}
    assert (heard.entries["epochs", "a1"], heard.entries["epochs", "a2"]) == (3, 4)
    assert heard.entries["tokens", "all"]["secret_sha256"] == FACTS["secret_sha256"]
    assert heard.messages[-1].site_tables.token_seconds == 3600


async def test_after_that_it_hears_what_changes_and_no_more(sites: Sites) -> None:
    heard = await sites.connect("a2", "10.0.0.2:8001")
    await until(lambda: heard.entries)
    await sites.put("tokens", "draws", None)
    await sites.put("tokens", "all", None)
    await until(lambda: ("tokens", "all") not in heard.entries)
    assert heard.deltas[1:] == [[("tokens", "all")]]
    sites.tables.routes.remove("chat")
    await sites.put("tokens", "late", invoker("organisation"))
    await until(lambda: ("routes", "chat") not in heard.entries)
    # Whoever may invoke nothing there any more is forgotten, too.
    assert not any(table == "tokens" for table, _ in heard.entries)


async def test_a_node_without_a_gateway_hears_of_no_token(sites: Sites) -> None:
    plain, gateway = await sites.connect("a1"), await sites.connect("a2", "10.0.0.2:8001")
    await until(lambda: gateway.entries and plain.siblings[-1:] == [{"a2": "10.0.0.2:8001"}])
    assert plain.entries == {}


async def test_siblings_hear_where_it_is_and_when_it_is_gone(sites: Sites) -> None:
    sibling, stranger = await sites.connect("a1"), await sites.connect("b1")
    own = await sites.connect("a2", "10.0.0.2:8001")
    await until(lambda: sibling.siblings[-1:] == [{"a2": "10.0.0.2:8001"}])
    await sites.connect("a2", "10.0.0.2:9001")
    await until(lambda: sibling.siblings[-1] == {"a2": "10.0.0.2:9001"})

    def lock(tx: Any) -> None:
        node = tx.get(Kind.NODE, "a2")
        tx.put_spec(Kind.NODE, "a2", {**node.spec, "lock": {"reason": "", "since": 0.0}})

    await sites.store.write(lock)
    await until(lambda: sibling.siblings[-1] == {})
    # It reaches its own without a tunnel, and other sites have nothing to do with it.
    assert all(told == {} for told in own.siblings + stranger.siblings)


async def test_much_is_told_in_parts_that_belong_together(sites: Sites) -> None:
    for number in range(1100):
        sites.tables.put("tokens", f"t{number}", invoker("organisation"))
    heard = await sites.connect("a2", "10.0.0.2:8001")
    await until(lambda: len(heard.entries) >= 1100)
    parts = [message.site_tables for message in heard.messages if message.HasField("site_tables")]
    assert [(part.first, part.last, len(part.entries)) for part in parts] == [
        (True, False, 500),
        (False, False, 500),
        (False, True, 107),
    ]
