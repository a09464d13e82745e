"""PATCH, the verbs of a deployment, dry runs, and what a deletion would mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.fleet.edit import merged
from controlplane.store.store import Kind
from homeport.client.merge_patch import merge_patch
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport, ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, VERSION, ControlApi


@pytest.fixture
async def chat(api: ControlApi) -> ControlApi:
    """The API with a deployment, chat."""
    await api.put_parents()
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    return api


async def patch(api: ControlApi, path: str, spec: Any, generation: int | None = 1, query: str = "") -> Any:
    body = {"spec": spec} if generation is None else {"generation": generation, "spec": spec}
    return await api.call("PATCH", path + query, body)


async def test_a_live_edit_applies_at_once_and_says_what_changed(chat: ControlApi) -> None:
    answered = await patch(chat, "/deployments/chat", {"hold_seconds": 5, "autoscale_config": {"max_replicas": 4}})
    assert (answered.status, answered.body["generation"], answered.body["needs_restart"]) == (200, 2, False)
    assert answered.body["changes"] == [
        {"path": "autoscale_config.max_replicas", "change": "live", "from": 1, "to": 4},
        {"path": "hold_seconds", "change": "live", "from": 60.0, "to": 5.0},
    ]
    shown = (await chat.call("GET", "/deployments/chat")).body
    assert (shown["spec"]["hold_seconds"], shown["status"]["revision"]) == (5.0, 1)
    assert shown["spec"]["autoscale_config"]["min_replicas"] == 1


async def test_a_rollout_field_needs_a_restart_and_makes_a_revision(chat: ControlApi) -> None:
    answered = await patch(chat, "/deployments/chat", {"env": {"A": "1"}})
    assert [(each["path"], each["change"]) for each in answered.body["changes"]] == [("env", "rollout")]
    assert (answered.body["needs_restart"], answered.body["status"]["revision"]) == (True, 2)


async def test_null_sets_a_field_back_and_the_same_again_changes_nothing(chat: ControlApi) -> None:
    await patch(chat, "/deployments/chat", {"hold_seconds": 5, "labels": {"a": "1", "b": "2"}})
    answered = await patch(chat, "/deployments/chat", {"hold_seconds": None, "labels": {"a": None}}, 2)
    assert (answered.body["spec"]["hold_seconds"], answered.body["spec"]["labels"]) == (60.0, {"b": "2"})
    again = await patch(chat, "/deployments/chat", {"hold_seconds": None}, 3)
    assert (again.body["generation"], again.body["changes"]) == (3, [])


async def test_an_edit_of_something_else_rolls_out_no_newer_version(chat: ControlApi) -> None:
    await chat.call("POST", "/models/smollm2/versions", {**VERSION, "id": "v2"})
    answered = await patch(chat, "/deployments/chat", {"hold_seconds": 5})
    assert answered.body["status"]["model_version"] == "v1"


async def test_a_stale_generation_is_a_conflict_with_both_sides(chat: ControlApi) -> None:
    await patch(chat, "/deployments/chat", {"hold_seconds": 5, "description": "theirs"})
    answered = await patch(chat, "/deployments/chat", {"hold_seconds": 7, "retry": "none", "description": "theirs"})
    assert (answered.status, answered.error["code"], answered.error["path"]) == (409, "conflict", "generation")
    details: Any = answered.error["details"]
    assert details["generation_read"] == 1
    assert details["conflicts"] == [
        {"path": "hold_seconds", "yours": 7, "theirs": 5.0},
        {"path": "retry", "yours": "none", "theirs": "safe"},
    ]
    assert details["current"] == (await chat.call("GET", "/deployments/chat")).body
    assert details["current"]["generation"] == 2


async def test_the_generation_may_be_left_out_only_by_force(chat: ControlApi) -> None:
    answered = await patch(chat, "/deployments/chat", {"hold_seconds": 5}, None)
    assert (answered.status, answered.error["path"], "force" in answered.error["hint"]) == (400, "generation", True)
    assert (await patch(chat, "/deployments/chat", {"hold_seconds": 5}, None, "?force=true")).status == 200
    stale = await patch(chat, "/deployments/chat", {"hold_seconds": 6}, 1, "?force=true")
    assert stale.status == 409


async def test_a_dry_run_says_everything_and_keeps_nothing(chat: ControlApi) -> None:
    seq = chat.store.seq
    answered = await patch(chat, "/deployments/chat", {"env": {"A": "1"}}, 1, "?dry_run=true")
    assert (answered.body["needs_restart"], answered.body["generation"]) == (True, 2)
    assert (await patch(chat, "/deployments/chat", {"id": "x"}, 1, "?dry_run=true")).status == 409
    created = await chat.call("POST", "/clusters?dry_run=true", {"id": "lab"})
    assert (created.status, created.body["spec"]["kind"]) == (201, "on-prem")
    assert (await chat.call("POST", "/clusters?dry_run=true", {"id": "office"})).status == 409
    assert chat.store.seq == seq
    assert (await chat.call("GET", "/clusters/lab")).status == 404


EDITS = [
    ("/deployments/chat", {"id": "talk"}, 409, "deployment.id", "it is part of the deployment's address"),
    (
        "/deployments/chat",
        {"worker": {"model": {"id": "other"}}},
        409,
        "deployment.worker.model.id",
        "deploy the other",
    ),
    ("/models/smollm2", {"id": "other"}, 409, "model.id", "name the model by its id"),
    ("/nodepools/office/gpu", {"compute_cluster": {"id": "lab"}}, 409, "nodepool.compute_cluster.id", "in one place"),
    ("/nodepools/office/gpu", {"id": "cpu"}, 409, "nodepool.id", "by its id"),
    ("/clusters/office", {"id": None}, 400, "compute_cluster.id", "is required"),
    ("/clusters/office", {"regoin": "x"}, 400, "compute_cluster.regoin", "did you mean region?"),
    ("/models/smollm2/versions/v1", {"command": ["x"]}, 409, "model_version.command", "cannot change"),
    ("/deployments/chat", {"hold_seconds": 4000}, 400, "deployment.hold_seconds", "between 0 and 3600, got 4000"),
    ("/deployments/chat", {"nodepools": []}, 400, "deployment.nodepools", "between 1 and 100"),
    ("/deployments/chat", {"project": "none"}, 404, "deployment.project", "project none does not exist"),
    ("/deployments/caht", {"hold_seconds": 4}, 404, "", "did you mean chat?"),
    ("/instance-types/g5.xlarge", {"price_per_hour": 1}, 409, "", "it came with Homeport"),
    ("/instance-types/none", {"price_per_hour": 1}, 404, "", "does not exist"),
]


async def test_what_cannot_be_edited_is_refused_with_the_reason(chat: ControlApi) -> None:
    await chat.call("POST", "/clusters", {"id": "lab"})
    seq = chat.store.seq
    for path, spec, status, field, says in EDITS:
        answered = await patch(chat, path, spec)
        assert (answered.status, answered.error["path"]) == (status, field), path
        assert says in f"{answered.error['message']} {answered.error['hint']}", path
    assert chat.store.seq == seq


async def test_every_kind_can_be_edited(chat: ControlApi) -> None:
    await chat.call("POST", "/projects", {"id": "red"})
    await chat.call("POST", "/instance-types", {"id": "rack"})
    for path, root in (("/clusters/office", ""), ("/nodepools/office/gpu", ""), ("/models/smollm2", ""),
                       ("/projects/red", ""), ("/instance-types/rack", "")):  # fmt: skip
        answered = await patch(chat, path, {"description": f"new{root}"})
        assert (answered.status, answered.body["generation"]) == (200, 2), path
        assert (await chat.call("GET", path)).body["spec"]["description"] == "new"


async def test_stop_start_restart_and_scale(chat: ControlApi) -> None:
    stopped = (await chat.call("POST", "/deployments/chat/stop", {})).body
    assert (stopped["spec"]["state"], stopped["status"]["phase"]) == ("stopped", "stopped")
    assert (await chat.call("POST", "/deployments/chat/restart", {})).error["code"] == "conflict"
    assert (await chat.call("POST", "/deployments/chat/stop", {})).body["generation"] == stopped["generation"]
    assert (await chat.call("POST", "/deployments/chat/start", {})).body["spec"]["state"] == "running"
    assert (await chat.call("POST", "/deployments/chat/restart", {})).body["status"]["revision"] == 2
    scaled = (await chat.call("POST", "/deployments/chat/scale", {"replicas": 3})).body
    assert scaled["status"]["desired"] == {"min": 3, "max": 3}
    scaled = (await chat.call("POST", "/deployments/chat/scale", {"min_replicas": 0, "max_replicas": 3})).body
    assert scaled["status"]["desired"] == {"min": 0, "max": 3}
    assert (await chat.call("POST", "/deployments/chat/scale", {"replicas": 2})).body["status"]["desired"]["min"] == 2
    scaled = (await chat.call("POST", "/deployments/chat/scale", {"auto": True})).body
    assert (scaled["status"]["desired"], scaled["status"]["revision"]) == ({"min": 0, "max": 3}, 2)
    for body, path in (({}, ""), ({"replicas": 1, "max_replicas": 2}, ""), ({"replicas": -1}, "replicas"),
                       ({"replicas": 1, "auto": True}, ""),
                       ({"min_replicas": 9}, "deployment.autoscale_config")):  # fmt: skip
        answered = await chat.call("POST", "/deployments/chat/scale", body)
        assert (answered.status, answered.error["path"]) == (400, path), body
    for verb, body in (("stop", {}), ("start", {}), ("restart", {}), ("scale", {"replicas": 1})):
        assert (await chat.call("POST", f"/deployments/none/{verb}", body)).status == 404
        assert (await chat.call("POST", f"/deployments/chat/{verb}", {"x": 1})).error["path"] == "x"


async def test_a_paused_deployment_stays_at_what_it_has(chat: ControlApi) -> None:
    await chat.call("POST", "/deployments/chat/scale", {"min_replicas": 0, "max_replicas": 8})
    chat.registry.connected("n1", 1, Inventory("n1"), "1.0")
    reports = [
        ReplicaReport(f"r{number}", "p", "chat", 1, status)
        for number, status in enumerate(
            (ReplicaStatus.READY, ReplicaStatus.STARTING, ReplicaStatus.FAILED, ReplicaStatus.DRAINING)
        )
    ]
    chat.registry.set_replicas("n1", reports, all_of_them=True)
    paused = (await chat.call("POST", "/deployments/chat/pause-autoscaling", {})).body
    assert paused["status"]["desired"] == {"min": 3, "max": 3}
    assert (paused["spec"]["autoscale_config"]["min_replicas"], paused["status"]["revision"]) == (0, 1)
    chat.registry.set_replicas("n1", [], all_of_them=True)
    again = (await chat.call("POST", "/deployments/chat/pause-autoscaling", {})).body
    assert again["generation"] == paused["generation"]
    resumed = (await chat.call("POST", "/deployments/chat/scale", {"auto": True})).body
    assert resumed["status"]["desired"] == {"min": 0, "max": 8}


async def test_nothing_is_paused_by_guessing(chat: ControlApi) -> None:
    await chat.call("POST", "/deployments/chat/stop", {})
    refused = await chat.call("POST", "/deployments/chat/pause-autoscaling", {})
    assert (refused.status, refused.error["code"]) == (409, "conflict")
    await chat.call("POST", "/deployments/chat/start", {})
    placed = {"deployment_id": "chat", "node_id": "n9", "min_replicas": 1, "max_replicas": 1, "rank": 0, "revision": 1}
    await chat.store.write(lambda tx: tx.create(Kind.PLACEMENT, "p1", {**placed, "devices": []}))
    refused = await chat.call("POST", "/deployments/chat/pause-autoscaling", {})
    assert (refused.status, "n9 has not been heard of" in refused.error["message"]) == (503, True)


async def test_missing_parents_are_made_on_the_way_when_asked_for(api: ControlApi) -> None:
    await api.call("POST", "/models", {"id": "smollm2"})
    await api.call("POST", "/models/smollm2/versions", VERSION)
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 404
    assert (await api.call("POST", "/deployments?create_missing=true&dry_run=true", DEPLOYMENT)).status == 201
    assert (await api.call("GET", "/clusters")).body["items"] == []
    assert (await api.call("POST", "/deployments?create_missing=true", DEPLOYMENT)).status == 201
    assert (await api.call("GET", "/nodepools/office/gpu")).status == 200


async def test_the_impact_of_a_deletion_is_what_the_deletion_does(chat: ControlApi) -> None:
    node_id = await chat.put_node("gpu-1")
    spec = {"deployment_id": "chat", "node_id": node_id, "revision": 1, "rank": 0, "min_replicas": 1,
            "max_replicas": 1, "devices": []}  # fmt: skip
    await chat.store.write(lambda tx: tx.create(Kind.PLACEMENT, "p1", spec))
    chat.report(node_id, "r1", ReplicaStatus.READY)
    await chat.call("POST", "/projects", {"id": "red"})
    await chat.call("PATCH", "/deployments/chat?force=true", {"spec": {"project": "red"}})
    await chat.call("POST", "/instance-types", {"id": "rack"})
    chat_named = {"kind": "deployment", "id": "chat"}
    for path, replicas, objects, blocked_by in (
        ("/clusters/office", 0, [], [{"kind": "nodepool", "id": "office/gpu"}]),
        ("/nodepools/office/gpu", 0, [], [{"kind": "node", "id": node_id}, chat_named]),
        ("/models/smollm2", 0, [], [{"kind": "model_version", "id": "smollm2/v1"}]),
        ("/models/smollm2/versions/v1", 0, [], [chat_named]),
        ("/projects/red", 0, [], [chat_named]),
        ("/nodes/gpu-1", 1, [], [chat_named]),
        ("/instance-types/rack", 0, [], []),
        ("/deployments/chat", 1, [{"kind": "revision", "id": "chat/1"}], []),
        ("/nodes/gpu-1", 1, [], []),
    ):
        impact = (await chat.call("GET", f"{path}/impact")).body
        assert impact == {"stops": {"replicas": replicas}, "objects": objects, "blocked_by": blocked_by}, path
        assert (await chat.call("DELETE", path)).status == (409 if blocked_by else 204), path
    assert (await chat.call("GET", "/clusters/none/impact")).status == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=1), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("abc", max_size=1), JSON, max_size=4)


def _without_nulls(value: Any) -> Any:
    """A merge patch cannot say null."""
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}


@given(OBJECTS, OBJECTS)
def test_the_clients_patch_leads_to_what_the_client_wanted(before: Any, after: Any) -> None:
    before, after = _without_nulls(before), _without_nulls(after)
    assert merged(before, merge_patch(before, after)) == after


# The table of RFC 7396, appendix A.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC)
def test_merge_patches_are_those_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result
