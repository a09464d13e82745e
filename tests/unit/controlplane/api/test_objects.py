"""Every object's routes: create, list, show, delete, and what stands in the way of each."""

from typing import Any

import pytest

from controlplane.store.store import Kind
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi

COLLECTIONS = [
    ("/clusters", {"id": "office"}, "/clusters/office"),
    ("/nodepools", POOL, "/nodepools/office/gpu"),
    ("/models", {"id": "smollm2"}, "/models/smollm2"),
    ("/models/smollm2/versions", VERSION, "/models/smollm2/versions/v1"),
    ("/deployments", DEPLOYMENT, "/deployments/chat"),
]


@pytest.mark.parametrize(("collection", "body", "item"), COLLECTIONS)
async def test_create_show_list_delete(api: ControlApi, collection: str, body: Any, item: str) -> None:
    for parent_collection, parent_body, parent_item in COLLECTIONS:
        if parent_item == item:
            break
        assert (await api.call("POST", parent_collection, parent_body)).status == 201
    created = await api.call("POST", collection, body)
    assert created.status == 201
    assert created.body["generation"] == 1
    assert (await api.call("GET", item)).body == created.body
    listed = (await api.call("GET", collection)).body
    assert listed == {"items": [created.body], "seq": api.store.seq, "next_cursor": None}
    again = await api.call("POST", collection, body)
    assert (again.status, again.error["code"]) == (409, "already_exists")
    assert (await api.call("DELETE", item)).status == 204
    assert (await api.call("GET", item)).error["code"] == "not_found"
    assert (await api.call("DELETE", item)).error["code"] == "not_found"
    assert (await api.call("GET", collection)).body["items"] == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/clusters/office", "office/gpu"),
        ("/nodepools/office/gpu", "chat"),
        ("/models/smollm2", "v1"),
        ("/models/smollm2/versions/v1", "chat"),
    ],
)
async def test_what_is_in_use_stays_and_its_users_are_named(api: ControlApi, path: str, names: str) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    answered = await api.call("DELETE", path)
    assert (answered.status, answered.error["code"]) == (409, "in_use")
    assert names in answered.error["message"]
    assert answered.error["hint"]
    assert (await api.call("GET", path)).status == 200


async def test_a_mistyped_id_gets_near_matches(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    answered = await api.call("GET", "/deployments/caht")
    assert (answered.status, answered.error["hint"]) == (404, "did you mean chat?")


async def test_a_second_deployment_of_a_model_on_a_nodepool_is_refused_naming_the_first(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    answered = await api.call("POST", "/deployments", {**DEPLOYMENT, "id": "chat2"})
    assert answered.status == 409
    assert "deployment chat serves model smollm2 on nodepool office/gpu" in answered.error["message"]
    assert answered.error["path"] == "deployment.nodepools.0"


async def test_nodepools_are_filtered_by_cluster(api: ControlApi) -> None:
    await api.put_parents()
    assert len((await api.call("GET", "/nodepools?cluster=office")).body["items"]) == 1
    assert (await api.call("GET", "/nodepools?cluster=other")).body["items"] == []


async def test_a_versions_model_may_be_left_out_but_not_contradicted(api: ControlApi) -> None:
    await api.put_parents()
    body = {**VERSION, "id": "v2", "model": {"id": "other"}}
    answered = await api.call("POST", "/models/smollm2/versions", body)
    assert (answered.status, answered.error["path"]) == (400, "model_version.model.id")
    body["model"] = {"id": "smollm2"}
    assert (await api.call("POST", "/models/smollm2/versions", body)).status == 201
    versions = (await api.call("GET", "/models/smollm2/versions")).body["items"]
    assert [version["id"] for version in versions] == ["smollm2/v1", "smollm2/v2"]
    assert (await api.call("GET", "/models/none/versions")).status == 404


async def test_nodes_are_shown_with_what_their_agents_say(api: ControlApi) -> None:
    node_id = await api.put_node("gpu-1")
    api.report(node_id, "r1", ReplicaStatus.READY)
    api.clock.advance(3)
    node = (await api.call("GET", "/nodes/gpu-1")).body
    assert node["spec"] == {
        "name": "gpu-1",
        "cluster": "office",
        "nodepool": "gpu",
        "lock": None,
        "cordon": None,
        "drain": None,
        "waits_since": None,
    }
    state = node["status"]
    assert (state["status"], state["connected"], state["replicas"], state["epoch"]) == ("ready", True, 1, 1)
    assert (state["last_heard_seconds"], state["reason"]) == (3.0, "")
    assert state["inventory"]["cpu_milli"] == 8000
    api.clock.advance(60)
    api.registry.sweep([node_id])
    before = state["since"]
    state = (await api.call("GET", f"/nodes/{node_id}")).body["status"]
    assert (state["status"], bool(state["reason"])) == ("lost", True)
    assert state["since"] > before


async def test_a_node_whose_agent_never_connected_is_initializing(api: ControlApi) -> None:
    await api.put_node("gpu-1", connected=False)
    api.clock.advance(1000)
    state = (await api.call("GET", "/nodes/gpu-1")).body["status"]
    assert (state["status"], state["connected"], state["last_heard_seconds"]) == ("initializing", False, None)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["gpu-1", "gpu-2"]),
        ("?cluster=office", ["gpu-1"]),
        ("?nodepool=gpu", ["gpu-1", "gpu-2"]),
        ("?nodepool=lab/gpu", ["gpu-2"]),
        ("?cluster=lab&nodepool=cpu", []),
    ],
)
async def test_nodes_are_filtered(api: ControlApi, query: str, names: list[str]) -> None:
    await api.put_node("gpu-1")
    await api.put_node("gpu-2", "lab/gpu")
    found = (await api.call("GET", f"/nodes{query}")).body["items"]
    assert [node["spec"]["name"] for node in found] == names


async def test_a_hostname_that_two_nodes_have_names_neither(api: ControlApi) -> None:
    for name in ("a", "b"):
        await api.put_node(name, hostname="twin")
    answered = await api.call("GET", "/nodes/twin")
    assert (answered.status, answered.error["code"]) == (409, "conflict")
    assert "node-a, node-b" in answered.error["hint"]


async def test_a_connected_node_that_serves_stays_and_a_silent_one_goes(api: ControlApi) -> None:
    node_id = await api.put_node("gpu-1")
    spec = {"deployment_id": "chat", "node_id": node_id, "revision": 1}
    await api.store.write(lambda tx: tx.create(Kind.PLACEMENT, "p1", spec))
    answered = await api.call("DELETE", "/nodes/gpu-1")
    assert (answered.status, answered.error["code"]) == (409, "in_use")
    assert "chat" in answered.error["message"]
    api.registry.disconnected(node_id, 1)
    assert (await api.call("DELETE", "/nodes/gpu-1")).status == 204
    assert api.registry.get(node_id) is None


async def test_a_nodepool_with_nodes_stays(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("gpu-1")
    answered = await api.call("DELETE", "/nodepools/office/gpu")
    assert (answered.status, "gpu-1" in answered.error["message"]) == (409, True)


async def test_join_tokens_are_shown_once_and_never_their_secret(api: ControlApi) -> None:
    await api.put_parents()
    made = await api.call("POST", "/join-tokens", {"nodepool": POOL, "ttl_seconds": 60})
    assert made.status == 201
    assert made.body["command"] == f"homeport-agent join --server host.example:8442 --token {made.body['token']}"
    assert made.body["spec"] == {"nodepool": "office/gpu", "expires_at": made.body["created_at"] + 60}
    listed = await api.call("GET", "/join-tokens")
    assert [token["id"] for token in listed.body["items"]] == [made.body["id"]]
    secret = made.body["token"].split(".")[2]
    assert secret not in str(listed.body)
    assert "sha256" not in str(listed.body)
    assert (await api.call("DELETE", f"/join-tokens/{made.body['id']}")).status == 204
    assert (await api.call("GET", "/join-tokens")).body["items"] == []
    other_pool = {**POOL, "id": "cpu"}
    assert (await api.call("POST", "/join-tokens", {"nodepool": other_pool})).status == 404


async def test_a_deployments_status_and_its_revisions(api: ControlApi) -> None:
    await api.put_parents()
    created = (await api.call("POST", "/deployments", DEPLOYMENT)).body
    assert created["status"]["phase"] == "pending"
    assert created["status"]["url"] == "http://127.0.0.1:8000/d/chat/"
    node_id = await api.put_node("gpu-1")
    spec = {
        "deployment_id": "chat",
        "node_id": node_id,
        "revision": 1,
        "rank": 0,
        "min_replicas": 1,
        "max_replicas": 1,
        "devices": [{"gpu_uuid": "GPU-1", "memory_bytes": 5, "compute_milli": 1000}],
    }
    await api.store.write(lambda tx: tx.create(Kind.PLACEMENT, "p1", spec))
    api.report(node_id, "replica-1", ReplicaStatus.READY, since=5.0, start_ms=800)
    status = (await api.call("GET", "/deployments/chat")).body["status"]
    assert (status["phase"], status["since"], status["replicas"]) == ("ready", 5.0, {"ready": 1, "total": 1})
    assert status["model_version"] == "v1"
    assert [(p["node_name"], p["status"], p["max"]) for p in status["placements"]] == [("gpu-1", "ready", 1)]
    placements = (await api.call("GET", "/placements?deployment=chat&node=gpu-1")).body["items"]
    assert [(p["id"], p["status"]) for p in placements] == [("p1", {"node_name": "gpu-1", "status": "ready"})]
    assert (await api.call("GET", "/placements?node=other")).body["items"] == []
    replicas = (await api.call("GET", "/replicas?deployment=chat")).body["items"]
    assert [(r["id"], r["node_name"], r["start_ms"]) for r in replicas] == [("replica-1", "gpu-1", 800)]
    assert (await api.call("GET", "/replicas?node=node-gpu-1")).body["items"] == replicas
    assert (await api.call("GET", "/replicas?node=other")).body["items"] == []
    revisions = (await api.call("GET", "/deployments/chat/revisions")).body["items"]
    assert [(r["id"], r["spec"]["model_version"]) for r in revisions] == [("chat/1", "v1")]
    assert (await api.call("GET", "/deployments/none/revisions")).status == 404


async def test_status_counts(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    node_id = await api.put_node("gpu-1")
    await api.put_node("gpu-2", connected=False)
    api.report(node_id, "r1", ReplicaStatus.STARTING)
    api.clock.advance(4)
    status = (await api.call("GET", "/status")).body
    assert status["nodes"] == {"ready": 1, "total": 2}
    assert status["deployments"] == {"ready": 0, "total": 1}
    assert status["replicas"] == {"ready": 0, "total": 1}
    assert (status["version"], status["uptime_seconds"], status["seq"]) == ("1.2.3", 4.0, api.store.seq)


async def test_health_needs_no_token(api: ControlApi) -> None:
    assert (await api.call("GET", "/healthz", headers={"Authorization": None})).body == {"status": "ok"}


async def test_a_node_is_locked_and_unlocked(api: ControlApi) -> None:
    await api.put_node("gpu-1")
    locked = await api.call("POST", "/nodes/gpu-1/lock", {"reason": "stolen?", "stop_models": True})
    assert locked.status == 200
    lock = locked.body["spec"]["lock"]
    assert (lock["reason"], lock["stop_models"]) == ("stolen?", True)
    again = await api.call("POST", "/nodes/gpu-1/lock", {})
    assert again.body["spec"]["lock"] == {"reason": "", "since": lock["since"], "stop_models": False}
    assert (await api.call("POST", "/nodes/gpu-1/unlock", {})).body["spec"]["lock"] is None
    assert (await api.call("POST", "/nodes/gpu-2/lock", {})).status == 404
