from typing import Any

import pytest

from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi

# Children before their parents: the server finds the order.
DOCUMENTS: list[dict[str, Any]] = [
    {"deployment": DEPLOYMENT},
    {"model_version": {**VERSION, "model": {"id": "smollm2"}}},
    {"nodepool": POOL},
    {"model": {"id": "smollm2"}},
    {"compute_cluster": {"id": "office"}},
]


async def apply(api: ControlApi, documents: list[Any], **more: Any) -> Any:
    return await api.call("POST", "/apply", {"documents": documents, **more})


def actions(answered: Any) -> list[str]:
    return [result["action"] for result in answered.body["results"]]


async def test_documents_in_any_order_become_one_write(api: ControlApi) -> None:
    before = api.store.seq
    answered = await apply(api, DOCUMENTS)
    assert answered.status == 200
    assert [(r["kind"], r["id"], r["action"]) for r in answered.body["results"]] == [
        ("deployment", "chat", "created"),
        ("model_version", "smollm2/v1", "created"),
        ("nodepool", "office/gpu", "created"),
        ("model", "smollm2", "created"),
        ("cluster", "office", "created"),
    ]
    assert answered.body["seq"] == api.store.seq == before + 1


async def test_the_same_documents_again_change_nothing(api: ControlApi) -> None:
    await apply(api, DOCUMENTS)
    seq = api.store.seq
    assert actions(await apply(api, DOCUMENTS)) == ["unchanged"] * 5
    assert api.store.seq == seq


async def test_one_bad_document_and_nothing_is_written(api: ControlApi) -> None:
    seq = api.store.seq
    bad = {**DEPLOYMENT, "id": "other", "nodepools": [{"id": "none", "compute_cluster": {"id": "office"}}]}
    answered = await apply(api, [*DOCUMENTS, {"deployment": bad}])
    assert (answered.status, answered.error["path"]) == (404, "[5].deployment.nodepools.0.id")
    assert api.store.seq == seq


@pytest.mark.parametrize(
    ("documents", "path", "says"),
    [
        ([{"deploymnt": {}}], "[0]", "did you mean deployment?"),
        ([{"model": {"id": "a"}}, {"model": {}, "nodepool": {}}], "[1]", "one root key"),
        ([{"model": {"id": "a"}}, {"model": {"id": "a"}}], "[1].model.id", "documents [0] and [1] are both model a"),
        ([{"deployment": {**DEPLOYMENT, "autoscale_config": {"max_replicas": 99999}}}],
         "[0].deployment.autoscale_config.max_replicas", "must be between 0 and 10000, got 99999"),
        ([], "documents", "must have between 1 and 1000 items, got 0"),
        (["x"], "documents.0", "must be a mapping"),
    ],
)  # fmt: skip
async def test_errors_name_document_and_field(api: ControlApi, documents: Any, path: str, says: str) -> None:
    answered = await apply(api, documents)
    assert (answered.status, answered.error["path"]) == (400, path)
    assert says in f"{answered.error['message']} {answered.error['hint']}"


async def test_a_dry_run_says_what_would_be_and_writes_nothing(api: ControlApi) -> None:
    seq = api.store.seq
    answered = await apply(api, DOCUMENTS, dry_run=True)
    assert actions(answered) == ["created"] * 5
    assert (answered.body["seq"], api.store.seq) == (seq, seq)


async def test_policy_is_live_and_a_workload_makes_a_revision(api: ControlApi) -> None:
    await apply(api, DOCUMENTS)
    policy = {"deployment": {**DEPLOYMENT, "hold_seconds": 5}}
    assert actions(await apply(api, [policy])) == ["configured"]
    deployment = (await api.call("GET", "/deployments/chat")).body
    assert (deployment["generation"], deployment["status"]["revision"]) == (2, 1)
    workload = {"deployment": {**DEPLOYMENT, "hold_seconds": 5, "env": {"THREADS": "2"}}}
    assert actions(await apply(api, [workload])) == ["configured"]
    revisions = (await api.call("GET", "/deployments/chat/revisions")).body["items"]
    assert [revision["id"] for revision in revisions] == ["chat/1", "chat/2"]
    assert revisions[1]["spec"]["workload"]["env"] == {"THREADS": "2"}
    assert revisions[0]["spec"]["spec_hash"] != revisions[1]["spec"]["spec_hash"]


async def test_a_newer_version_is_taken_at_the_next_write(api: ControlApi) -> None:
    await apply(api, DOCUMENTS)
    newer = {"model_version": {**VERSION, "id": "v2", "model": {"id": "smollm2"}, "command": ["serve2"]}}
    assert actions(await apply(api, [{"deployment": DEPLOYMENT}, newer])) == ["configured", "created"]
    assert (await api.call("GET", "/deployments/chat")).body["status"]["model_version"] == "v2"


async def test_a_version_is_immutable(api: ControlApi) -> None:
    await apply(api, DOCUMENTS)
    changed = {"model_version": {**VERSION, "model": {"id": "smollm2"}, "command": ["other"]}}
    answered = await apply(api, [changed])
    assert (answered.status, answered.error["code"]) == (409, "conflict")
    assert answered.error["path"] == "[0].model_version.command"
    assert "new version id" in answered.error["hint"]


async def test_a_deployments_model_cannot_change(api: ControlApi) -> None:
    await apply(api, [*DOCUMENTS, {"model": {"id": "other"}}, {
        "model_version": {**VERSION, "model": {"id": "other"}}}])  # fmt: skip
    answered = await apply(api, [{"deployment": {**DEPLOYMENT, "worker": {"model": {"id": "other"}}}}])
    assert (answered.status, answered.error["path"]) == (409, "[0].deployment.worker.model.id")


async def test_a_nodepool_cannot_shrink_below_its_nodes(api: ControlApi) -> None:
    await apply(api, DOCUMENTS)
    for name in ("a", "b"):
        await api.put_node(name)
    answered = await apply(api, [{"nodepool": {**POOL, "max_instances": 1}}])
    assert (answered.status, answered.error["path"]) == (409, "[0].nodepool.max_instances")
