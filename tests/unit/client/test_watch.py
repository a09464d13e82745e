from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any

import pytest

from homeport.client import AsyncClient, Client
from homeport.client.watch import Watched
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.api import ScriptedApi

Message = dict[str, Any]


def _snapshot(topic: str, seq: int, *items: Mapping[str, Any]) -> Message:
    return {"type": "snapshot", "topic": topic, "items": list(items), "seq": seq, "store_id": "s1"}


def _put(id: str, phase: str, kind: str = "deployment") -> Message:
    return {"op": "put", "kind": kind, "id": id, "object": {"id": id, "phase": phase}}


def _delta(seq: int, *changes: Message) -> Message:
    return {"type": "delta", "seq": seq, "changes": list(changes)}


_A = {"id": "a", "phase": "ready"}
_GONE = {"op": "delete", "kind": "deployment", "id": "a"}


def _taken(messages: Iterable[Message], *topics: str) -> tuple[list[bool], Watched]:
    watched = Watched(topics or ("deployments",))
    return [watched.take(message) for message in messages], watched


def test_a_snapshot_and_what_changes_after_it() -> None:
    news, watched = _taken([_snapshot("deployments", 7, _A), _delta(8, _put("b", "pending"), _GONE)])
    assert news == [True, True]
    assert watched.objects == {"deployments": {"b": {"id": "b", "phase": "pending"}}}
    assert watched.request() == {"topics": ["deployments"], "since": 8, "store_id": "s1"}


def test_nothing_is_shown_before_every_topic_is_there() -> None:
    messages = [
        _snapshot("deployments", 7, _A),
        {"type": "ping"},
        _delta(8, _put("a", "failed")),
        _snapshot("nodes", 9),
    ]
    news, watched = _taken(messages, "deployments", "nodes")
    assert news == [False, False, False, True]
    assert watched.objects["deployments"]["a"]["phase"] == "failed"


def test_a_long_snapshot_comes_in_parts_and_is_shown_as_one() -> None:
    first = {**_snapshot("deployments", 7, _A), "more": True}
    last = {**_snapshot("deployments", 7, {"id": "b", "phase": "ready"}), "more": False}
    news, watched = _taken([first, last])
    assert (news, list(watched.objects["deployments"])) == ([False, True], ["a", "b"])
    _, watched = _taken([first])
    assert watched.request() == {"topics": ["deployments"]}
    assert (watched.take(last), list(watched.objects["deployments"])) == (True, ["b"])


def test_an_unfinished_beginning_is_begun_anew() -> None:
    _, watched = _taken([_snapshot("deployments", 7, _A)], "deployments", "nodes")
    assert watched.request() == {"topics": ["deployments", "nodes"]}


def test_a_long_snapshot_comes_in_portions() -> None:
    first, last = {**_snapshot("deployments", 7, _A), "more": True}, _snapshot("deployments", 7, {"id": "b"})
    news, watched = _taken([first, last])
    assert news == [False, True]
    assert list(watched.objects["deployments"]) == ["a", "b"]
    _, watched = _taken([first])
    assert watched.request() == {"topics": ["deployments"]}
    watched.take(last)
    assert list(watched.objects["deployments"]) == ["b"]


def test_what_is_told_again_is_no_news() -> None:
    news, watched = _taken([_snapshot("deployments", 7, _A), _delta(7, _put("a", "ready"))])
    assert news == [True, True]
    watched.changes = []
    assert watched.take(_delta(7, _put("a", "ready"), {**_GONE, "id": "b"})) is False


def test_after_a_resync_only_what_differs_is_a_change() -> None:
    _, watched = _taken([_snapshot("deployments", 7, _A, {"id": "b"})])
    watched.changes = []
    assert watched.take({"type": "resync", "reason": "too far behind"}) is False
    assert watched.request() == {"topics": ["deployments"]}
    assert watched.take(_snapshot("deployments", 99, _A, {"id": "c"})) is True
    assert [(change.op, change.id) for change in watched.changes] == [("delete", "b"), ("put", "c")]


def test_an_empty_delta_and_an_unknown_type_are_no_news() -> None:
    news, watched = _taken([_snapshot("deployments", 7), _delta(9), {"type": "of a newer server"}])
    assert news == [True, False, False]
    assert watched.seq == 9


async def test_a_lost_connection_goes_on_where_it_broke_off(api: ScriptedApi) -> None:
    api.watches = [
        [_snapshot("deployments", 7, _A), _delta(8, _put("a", "degraded"))],
        [_delta(9, _put("a", "failed")), None],
    ]
    phases = []
    async with AsyncClient(api.context) as homeport, aclosing(homeport.watch("deployments")) as steps:
        async for watched in steps:
            phases.append(watched.objects["deployments"]["a"]["phase"])
            if phases[-1] == "failed":
                break
    assert phases == ["ready", "degraded", "failed"]
    assert api.watch_requests == [
        {"topics": ["deployments"]},
        {"topics": ["deployments"], "since": 8, "store_id": "s1"},
    ]


async def test_changes_in_quick_succession_are_one_step(api: ScriptedApi) -> None:
    api.watches = [[_snapshot("deployments", 7, _A), _delta(8, _put("b", "ready")), _delta(9, _GONE), None]]
    async with (
        AsyncClient(api.context) as homeport,
        aclosing(homeport.watch("deployments", gather_seconds=0.5)) as steps,
    ):
        watched = await anext(steps)
        assert [(change.op, change.id) for change in watched.changes] == [("put", "a"), ("put", "b"), ("delete", "a")]
        assert list(watched.objects["deployments"]) == ["b"]


async def test_what_the_server_refuses_is_raised(api: ScriptedApi) -> None:
    api.watches = [[{"type": "error", "error": {"code": "invalid_argument", "message": "unknown topic nods"}}]]
    async with AsyncClient(api.context) as homeport:
        with pytest.raises(HomeportError, match="unknown topic nods"):
            await anext(homeport.watch("nods"))


async def test_without_a_server_it_does_not_wait(api: ScriptedApi) -> None:
    async with AsyncClient(api.context) as homeport:
        with pytest.raises(HomeportError) as caught:
            await anext(homeport.watch("deployments"))
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_the_blocking_client_hangs_up_when_the_loop_is_left(api: ScriptedApi) -> None:
    api.watches = [[_snapshot("nodes", 7), None]]
    with Client(api.context) as homeport:
        for watched in homeport.watch("nodes"):
            assert watched.objects == {"nodes": {}}
            break
        assert api.hung_up.wait(30)
