import json
from typing import Any

import pytest
import yaml

from homeport.cli.settling import is_settled
from homeport.client.resource import Resource
from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_SPEC = {"id": "chat", "worker": {"model": {"id": "m"}}, "nodepools": [], "environment": "production"}


def _deployment(phase: str, id: str = "chat", ready: int = 0, **status: Any) -> dict[str, Any]:
    counts = {"ready": ready, "total": ready}
    placements = status.pop("placements", [])
    told = {"phase": phase, "reason": "", "replicas": counts, "placements": placements, "revision": 2}
    told |= {"desired": {"min": 1, "max": 1}, **status}
    return resource("deployment", id, {**_SPEC, "id": id}, told)


def _snapshot(topic: str, *items: Any) -> dict[str, Any]:
    return {"type": "snapshot", "topic": topic, "items": list(items), "seq": 1}


def _put(item: dict[str, Any], seq: int = 2) -> dict[str, Any]:
    change = {"op": "put", "kind": "deployment", "id": item["id"], "object": item}
    return {"type": "delta", "seq": seq, "changes": [change]}


_REFUSED = {"type": "error", "error": {"code": "unavailable", "message": "the server leaves"}}


def _watched(api: ScriptedApi, *lists: list[dict[str, Any]]) -> None:
    """The list as it is at first, at the watch's snapshot, and so on; then the server ends it."""
    for items in lists:
        api.answer("GET", "deployments", {"items": items, "seq": 1, "next_cursor": None})
    api.watches = [[_snapshot("deployments"), _snapshot("replicas"), _REFUSED]]


def test_another_program_gets_one_line_per_change(cli: Cli, api: ScriptedApi) -> None:
    _watched(api, [_deployment("pending"), _deployment("ready", "talk", 1)], [_deployment("ready", ready=1)])
    ran = cli("deployment", "list", "--phase", "", "--watch")
    assert ran.code == 1
    assert "the server leaves" in ran.err
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0][:3] == ["ID", "SERVES", "PHASE"]
    assert [line[:4] for line in lines[1:]] == [
        ["chat", "m", "pending", "0/0"],
        ["talk", "m", "ready", "1/1"],
        ["talk", "(gone)"],
        ["chat", "m", "ready", "1/1"],
    ]
    assert api.watch_requests == [{"topics": ["deployments", "replicas"]}]


def test_what_did_not_change_is_not_said_again(cli: Cli, api: ScriptedApi) -> None:
    _watched(api, [_deployment("ready", ready=1)])
    assert cli("deployment", "list", "--watch").out.count("chat") == 1


def test_json_for_programs(cli: Cli, api: ScriptedApi) -> None:
    _watched(api, [_deployment("pending")], [])
    lines = [json.loads(line) for line in cli("deployment", "list", "-w", "-o", "json").out.splitlines()]
    assert lines == [
        {"op": "put", "kind": "deployment", "id": "chat", "object": _deployment("pending")},
        {"op": "delete", "kind": "deployment", "id": "chat", "object": None},
    ]


def test_yaml_is_a_stream_of_documents(cli: Cli, api: ScriptedApi) -> None:
    _watched(api, [_deployment("pending")], [_deployment("ready"), _deployment("ready", "talk")])
    documents = list(yaml.safe_load_all(cli("deployment", "list", "-w", "-o", "yaml").out))
    assert [document["deployment"]["id"] for document in documents] == ["chat", "chat", "talk"]


def test_one_object_until_it_is_gone(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat", _deployment("pending"))
    api.answer("GET", "deployments/chat", {"error": {"code": "not_found", "message": "no deployment chat"}}, 404)
    api.watches = [[_snapshot("deployments"), _snapshot("replicas"), None]]
    ran = cli("get", "deployment/chat", "--watch")
    assert (ran.code, "no deployment chat" in ran.err) == (1, True)
    assert "pending" in ran.out


def test_status_is_drawn_again(cli: Cli, api: ScriptedApi) -> None:
    counts = {"ready": 1, "total": 2}
    summary = {"version": "0.1.0", "uptime_seconds": 61, "nodes": counts, "deployments": counts, "replicas": counts}
    api.answer("GET", "status", {**summary, "api_url": "http://a", "gateway_url": "http://g"})
    api.answer("GET", "nodes", {"items": [], "seq": 1})
    api.answer("GET", "deployments", {"items": [], "seq": 1})
    api.watches = [[_snapshot("nodes"), _snapshot("deployments"), _REFUSED]]
    ran = cli("status", "--watch")
    assert ran.out.count("Homeport 0.1.0") == 2
    assert ran.code == 1


_OLD = {"revision": 1, "node_name": "rack7"}
_NEW = {"revision": 2, "node_name": "rack7"}


def _divided(deployment: dict[str, Any], percent: int) -> dict[str, Any]:
    """Nine to one is wanted, and the second has so much of the requests now."""
    shares = [{"revision": 1, "percent": 90}, {"revision": 2, "percent": 10}]
    now = [{"revision": 1, "percent": 100 - percent, "wanted": 90}, {"revision": 2, "percent": percent, "wanted": 10}]
    spec, status = {**deployment["spec"], "traffic_split": shares}, {**deployment["status"], "traffic_split": now}
    return {**deployment, "spec": spec, "status": status}


def test_apply_follows_its_deployments_until_they_are_ready(cli: Cli, api: ScriptedApi) -> None:
    results = [{"kind": "deployment", "id": id, "action": "created"} for id in ("chat", "talk")]
    api.answer("POST", "apply", {"results": [{"kind": "model", "id": "m", "action": "created"}, *results], "seq": 1})
    api.watches = [
        [
            _snapshot("replicas"),
            _snapshot("deployments", _deployment("pending", reason="no node"), _deployment("ready", "talk", 1)),
            _put(_deployment("ready", placements=[_OLD, _NEW])),
            _put(_deployment("ready", placements=[_NEW]), 3),
            None,
        ]
    ]
    ran = cli("apply", "-f", "-", "--watch", stdin="model: {id: m}")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[3:] == [
        "deployment/chat pending (no node)",
        "deployment/talk ready",
        "deployment/chat ready",
    ]


@pytest.mark.parametrize(
    ("last", "words"), [([_deployment("failed", reason="exit code 3")], "exit code 3"), ([], "chat is gone")]
)
def test_following_ends_where_nothing_is_to_be_expected(
    cli: Cli, api: ScriptedApi, last: list[dict[str, Any]], words: str
) -> None:
    api.answer("POST", "deployments/chat/start", _deployment("starting"))
    api.watches = [[_snapshot("replicas"), _snapshot("deployments", *last), None]]
    ran = cli("deployment", "start", "chat", "--watch")
    assert ran.code == 1
    assert words in ran.err


def test_what_a_promotion_waits_for_is_told(cli: Cli, api: ScriptedApi) -> None:
    begun = _divided(_deployment("ready", ready=1, placements=[_OLD, _NEW]), 0)
    begun["status"]["traffic_split"][1] |= {"ready": 0, "waits_for": 1}
    begun["status"]["traffic_split"][0] |= {"ready": 1, "waits_for": 0}
    done = _divided(_deployment("ready", ready=2, placements=[_OLD, _NEW]), 10)
    for each in done["status"]["traffic_split"]:
        each |= {"ready": 1, "waits_for": 0}
    failed = {"id": "r1", "deployment_id": "chat", "revision": 2, "status": "failed", "reason": "exit code 3"}
    api.answer("POST", "deployments/chat/split", begun)
    api.watches = [[_snapshot("replicas", failed), _snapshot("deployments", begun), _put(done), None]]
    ran = cli("deployment", "split", "chat", "1=90", "2=10", "--watch")
    assert ran.out.splitlines()[1:] == [
        "deployment/chat ready; waits for r2: 0 of 1 replicas ready (exit code 3)",
        "deployment/chat ready",
    ]


def test_stopped_is_when_the_last_replica_has_ended(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "deployments/chat/stop", _deployment("stopped", ready=1))
    api.watches = [
        [
            _snapshot("replicas"),
            _snapshot("deployments", _deployment("stopped", ready=1)),
            _put(_deployment("stopped")),
            None,
        ]
    ]
    ran = cli("deployment", "stop", "chat", "--watch")
    assert ran.out.splitlines() == ["deployment chat stopped", "deployment/chat stopped"]
    assert ran.code == 0


@pytest.mark.parametrize(
    ("deployment", "revisions", "settled"),
    [
        (_deployment("ready", ready=1), [2], True),
        (_deployment("ready", ready=1, placements=[_NEW]), [2], True),
        (_deployment("ready", ready=1, placements=[_OLD, _NEW]), [2], False),
        (_deployment("ready", ready=1, placements=[_NEW]), [1, 2], False),
        (_deployment("ready", ready=3), [2, 2, 2], False),
        (_deployment("degraded", ready=1), [2], False),
        (_deployment("stopped", ready=1), [2], False),
        (_deployment("stopped"), [], True),
        (_divided(_deployment("ready", ready=2, placements=[_OLD, _NEW]), 10), [1, 2], True),
        (_divided(_deployment("ready", ready=2, placements=[_OLD, _NEW]), 0), [1, 2], False),
    ],
)
def test_when_it_is_where_it_was_asked_to_be(deployment: dict[str, Any], revisions: list[int], settled: bool) -> None:
    replicas = [{"deployment_id": "chat", "revision": revision} for revision in revisions]
    others = [{"deployment_id": "other", "revision": 1}]
    assert is_settled(Resource.from_plain(deployment), [*others, *replicas]) is settled


def test_what_programs_read_stays_apart(cli: Cli, api: ScriptedApi) -> None:
    for path in ("deployments", "deployments/chat/start"):
        api.answer("POST", path, _deployment("starting"))
    create = ["create", "chat", "--model", "m", "--nodepool", "a/b"]
    for arguments in (create, ["start", "chat"]):
        api.watches = [[_snapshot("replicas"), _snapshot("deployments", _deployment("ready", ready=1)), None]]
        ran = cli("deployment", *arguments, "--watch", "-o", "json")
        assert json.loads(ran.out), ran.err
        assert ran.err == "deployment/chat ready\n"


def test_following_nothing_ends_at_once(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "apply", {"results": [{"kind": "model", "id": "m", "action": "created"}], "seq": 1})
    assert cli("apply", "-f", "-", "--watch", stdin="model: {id: m}").code == 0
    assert api.watch_requests == []
