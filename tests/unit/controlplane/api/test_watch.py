"""Watching over a WebSocket and as server-sent events, against the whole API."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest

from controlplane.store.store import Kind
from homeport.client.watch import Watched
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, ControlApi


class Watcher:
    """Feeds what comes into the SDK's own picture of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, watched: Watched) -> None:
        self.socket = socket
        self.watched = watched
        self.messages: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=60)
        self.messages.append(message)
        self.watched.take(message)
        return message

    async def until(self, holds: Callable[[dict[str, dict[str, Any]]], Any]) -> None:
        """`holds` gets topic -> id -> object."""
        while not (self.watched.is_complete and holds(self.watched.objects)):
            await self.next()


@asynccontextmanager
async def watching(api: ControlApi, *topics: str, **more: Any) -> AsyncIterator[Watcher]:
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json({"topics": list(topics), **more})
        yield Watcher(socket, Watched(topics))


async def test_snapshots_come_first_and_then_what_changes(api: ControlApi) -> None:
    await api.put_parents()
    async with watching(api, "clusters", "models") as watcher:
        assert [(await watcher.next())["topic"] for _ in range(2)] == ["clusters", "models"]
        assert list(watcher.watched.objects["clusters"]) == ["office"]
        assert watcher.messages[1]["seq"] == api.store.seq
        assert watcher.messages[1]["store_id"] == api.store.store_id
        created = (await api.call("POST", "/clusters", {"id": "lab"})).body
        delta = await watcher.next()
        put = {"op": "put", "kind": "cluster", "id": "lab", "object": created}
        assert (delta["type"], delta["seq"], delta["changes"]) == ("delta", api.store.seq, [put])
        await api.call("DELETE", "/clusters/lab")
        gone = {"op": "delete", "kind": "cluster", "id": "lab", "object": None}
        assert (await watcher.next())["changes"] == [gone]


async def test_a_list_and_a_watch_show_the_same(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    node_id = await api.put_node("gpu-1")
    api.report(node_id, "r1", ReplicaStatus.READY)
    topics = ("clusters", "nodepools", "models", "deployments", "nodes", "replicas", "placements", "instance-types")
    async with watching(api, *topics) as watcher:
        await watcher.until(lambda _: True)
        for topic in topics:
            listed = (await api.call("GET", f"/{topic}?limit=1000&sort=id")).body
            assert list(watcher.watched.objects[topic].values()) == listed["items"], topic


async def test_what_agents_say_reaches_watchers_without_any_write(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    node_id = await api.put_node("gpu-1")
    spec = {"deployment_id": "chat", "node_id": node_id, "revision": 1, "rank": 0, "min_replicas": 1,
            "max_replicas": 1, "devices": []}  # fmt: skip
    await api.store.write(lambda tx: tx.create(Kind.PLACEMENT, "p1", spec))
    async with watching(api, "deployments", "nodes", "replicas", "placements") as watcher:
        await watcher.until(lambda seen: seen["nodes"][node_id]["status"]["status"] == "ready")
        seq = api.store.seq
        for status in (ReplicaStatus.STARTING, ReplicaStatus.READY, ReplicaStatus.FAILED):
            api.report(node_id, "r1", status)
            await watcher.until(partial(_stand_at, status))
        api.clock.advance(20)
        api.registry.sweep([node_id])
        await watcher.until(lambda seen: seen["nodes"][node_id]["status"]["status"] == "disconnected")
        await watcher.until(lambda seen: seen["replicas"]["r1"]["status"] == "unknown")
        api.report(node_id, "r1", ReplicaStatus.STOPPED)
        await watcher.until(lambda seen: not seen["replicas"])
        assert api.store.seq == seq


def _stand_at(status: str, seen: dict[str, dict[str, Any]]) -> bool:
    """Replica, deployment and placement alike."""
    if "r1" not in seen["replicas"]:
        return False
    placement, deployment = seen["placements"]["p1"], seen["deployments"]["chat"]
    found = (seen["replicas"]["r1"]["status"], placement["status"]["status"], deployment["status"]["phase"])
    return found == (status, status, status)


async def test_a_heartbeat_is_no_news(api: ControlApi) -> None:
    await api.put_node("gpu-1")
    async with watching(api, "nodes", "clusters") as watcher:
        await watcher.until(lambda seen: seen["nodes"])
        api.clock.advance(1)
        api.registry.set_inventory("node-gpu-1", api.registry.get("node-gpu-1").inventory)  # type: ignore[union-attr]
        await api.call("POST", "/clusters", {"id": "lab"})
        assert [change["kind"] for change in (await watcher.next())["changes"]] == ["cluster"]


async def test_a_watch_goes_on_where_it_broke_off(api: ControlApi) -> None:
    for id in ("a", "b"):
        await api.call("POST", "/clusters", {"id": id})
    async with watching(api, "clusters") as watcher:
        await api.call("POST", "/clusters", {"id": "c"})
        await watcher.until(lambda seen: len(seen["clusters"]) == 3)
    await api.call("DELETE", "/clusters/a")
    await api.call("POST", "/clusters", {"id": "d"})
    known = watcher.watched
    async with watching(api, "clusters", since=known.seq, store_id=known.store_id) as again:
        again.watched = known
        delta = await again.next()
        assert delta["type"] == "delta"
        assert {(each["op"], each["id"]) for each in delta["changes"]} >= {("delete", "a"), ("put", "d")}
        assert "b" not in {each["id"] for each in delta["changes"]}
        assert sorted(known.objects["clusters"]) == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"since": 10_000}, "knows nothing of 10000"),
        ({"since": 0}, "has started at"),
        ({"since": 3, "store_id": "another"}, "another store"),
    ],
)
async def test_who_cannot_go_on_is_told_why_and_hears_everything(api: ControlApi, more: Any, why: str) -> None:
    for id in ("a", "b", "c"):
        await api.call("POST", "/clusters", {"id": id})
    async with watching(api, "clusters", **more) as watcher:
        told = await watcher.next()
        assert (told["type"], why in told["reason"]) == ("resync", True)
        assert sorted(item["id"] for item in (await watcher.next())["items"]) == ["a", "b", "c"]


async def test_many_changes_of_one_object_are_told_once(api: ControlApi) -> None:
    async with watching(api, "clusters") as watcher:
        await watcher.until(lambda _: True)
        await asyncio.gather(*(api.call("POST", "/clusters", {"id": f"c{n}"}) for n in range(20)))
        await watcher.until(lambda seen: len(seen["clusters"]) == 20)
        told = len(watcher.messages)
        patches = [api.call("PATCH", "/clusters/c0?force=true", {"spec": {"region": f"r{n}"}}) for n in range(50)]
        await asyncio.gather(*patches)
        last = (await api.call("GET", "/clusters/c0")).body
        await watcher.until(lambda seen: seen["clusters"]["c0"] == last)
        assert len(watcher.messages) - told < 50


async def test_a_second_request_on_the_same_socket_takes_the_place_of_the_first(api: ControlApi) -> None:
    async with watching(api, "clusters") as watcher:
        await watcher.next()
        await watcher.socket.send_json({"topics": ["models"]})
        assert (await watcher.next())["topic"] == "models"
        await api.call("POST", "/clusters", {"id": "a"})
        await api.call("POST", "/models", {"id": "m"})
        assert [change["kind"] for change in (await watcher.next())["changes"]] == ["model"]


@pytest.mark.parametrize(
    ("sent", "path", "says"),
    [
        ({"topics": ["deploymnts"]}, "topics.0", "did you mean deployments or"),
        ({"topics": []}, "topics", "between 1 and 17 items, got 0"),
        ({}, "topics", "is required"),
        ({"topics": ["nodes"], "since": "7"}, "since", "must be a whole number"),
        ({"topics": ["nodes"], "sinse": 7}, "sinse", "did you mean since?"),
        ("nodes", "", "must be a mapping"),
    ],
)
async def test_a_bad_request_is_answered_with_an_error_and_the_end(
    api: ControlApi, sent: Any, path: str, says: str
) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json(sent)
        message = await socket.receive_json(timeout=60)
        assert (message["type"], message["error"]["code"], message["error"]["path"]) == (
            "error", "invalid_argument", path)  # fmt: skip
        assert says in f"{message['error']['message']} {message['error']['hint']}"
        assert (await socket.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSE


async def test_text_that_is_no_json_and_binary_are_refused(api: ControlApi) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    for send in ("send_str", "send_bytes"):
        async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
            await getattr(socket, send)("{" if send == "send_str" else b"{}")
            assert (await socket.receive_json(timeout=60))["error"]["code"] == "invalid_argument"


async def test_a_plain_request_is_told_that_it_is_a_websocket(api: ControlApi) -> None:
    answered = await api.call("GET", "/watch")
    assert (answered.status, "/watch/events" in answered.error["hint"]) == (400, True)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.session.ws_connect(f"{api.url}/api/v1/watch")
    assert refused.value.status == 401


class Events:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """(id, event, data)."""
        found = {"id": ""}
        async with asyncio.timeout(60):
            while line := (await self._response.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                found[name] = value
        return found["id"], found["event"], json.loads(found["data"])


@asynccontextmanager
async def events(api: ControlApi, query: str, **headers: str) -> AsyncIterator[Events]:
    headers = {"Authorization": f"Bearer {api.token}", **headers}
    async with api.session.get(f"{api.url}/api/v1/watch/events?{query}", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield Events(response)


async def test_scripts_read_the_same_as_server_sent_events(api: ControlApi) -> None:
    await api.call("POST", "/clusters", {"id": "a"})
    async with events(api, "topics=clusters,models") as stream:
        id, event, data = await stream.next()
        assert (id, event, data["topic"]) == ("", "snapshot", "clusters")
        id, event, data = await stream.next()
        assert (event, data["topic"]) == ("snapshot", "models")
        assert id == f"{api.store.seq}:{api.store.store_id}"
        await api.call("POST", "/clusters", {"id": "b"})
        id, event, data = await stream.next()
        assert (event, [change["id"] for change in data["changes"]]) == ("delta", ["b"])
    await api.call("POST", "/clusters", {"id": "c"})
    for query, headers in ((f"topics=clusters&since={id}", {}), ("topics=clusters", {"Last-Event-ID": id})):
        async with events(api, query, **headers) as stream:
            _, event, data = await stream.next()
            assert (event, "a" in {change["id"] for change in data["changes"]}) == ("delta", False)
            assert "c" in {change["id"] for change in data["changes"]}
    async with events(api, "topics=clusters&since=1:other") as stream:
        assert (await stream.next())[1] == "resync"


@pytest.mark.parametrize(
    ("query", "path"),
    [("", "topics"), ("topics=", "topics.0"), ("topics=nodes,x", "topics.1"), ("topics=nodes&since=-1", "since"),
     ("topics=nodes&since=x", "since"), ("topics=nodes&topics=models", "topics")],
)  # fmt: skip
async def test_bad_event_queries_are_refused(api: ControlApi, query: str, path: str) -> None:
    answered = await api.call("GET", f"/watch/events?{query}")
    assert (answered.status, answered.error["path"]) == (400, path)
