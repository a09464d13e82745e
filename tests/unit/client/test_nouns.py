"""The seeds' flows in Python, against a scripted API."""

from pathlib import Path
from typing import Any

import pytest

from homeport import AsyncDeployment, AsyncModel, ComputeCluster, Deployment, Model, Nodepool, User
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.api import ScriptedApi, resource

SEEDS = Path(__file__).resolve().parents[3] / "examples" / "seeds"
_EVENTS = [
    b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\ndata: {"choices": [{"delta": {"content": "lo"}}]}\n\n'
]
_EVENTS += [b"data: [DONE]\n\n"]


def _state(phase: str, reason: str = "") -> dict[str, Any]:
    return resource("deployment", "chat", {"id": "chat"}, {"phase": phase, "reason": reason})


def test_a_cluster_from_a_file(api: ScriptedApi) -> None:
    api.answer("POST", "clusters", resource("cluster", "my-cluster", {}), 201)
    cluster = User(user_id="me", context=api.context).create_compute_cluster(
        compute_cluster_id="my-cluster", config_filepath=str(SEEDS / "compute_cluster_config.yaml")
    )
    assert (cluster.id, cluster.user_id) == ("my-cluster", "me")
    assert api.asked[0].body["id"] == "my-cluster"
    assert api.asked[0].body["cloud_provider"] == {"id": "aws"}


def test_the_cluster_that_makes_a_nodepool_is_its_parent(api: ScriptedApi) -> None:
    api.answer("POST", "nodepools", resource("nodepool", "my-cluster/test-nodepool", {}), 201)
    cluster = ComputeCluster(user_id="me", compute_cluster_id="my-cluster", context=api.context)
    pool = cluster.create_nodepool(config_filepath=str(SEEDS / "nodepool_config.yaml"))
    assert pool.id == "test-nodepool"
    assert api.asked[0].body["compute_cluster"] == {"id": "my-cluster"}
    assert api.asked[0].body["instance_types"][0]["id"] == "g5.xlarge"


def test_a_deployment_on_a_nodepool_known_by_its_id(api: ScriptedApi) -> None:
    pool = resource("nodepool", "test-compute-cluster/test-nodepool", {})
    api.answer("GET", "nodepools", {"items": [pool], "seq": 1})
    api.answer("POST", "deployments", resource("deployment", "chat", {}), 201)
    nodepool = Nodepool(user_id="me", nodepool_id="test-nodepool", context=api.context)
    made = nodepool.create_deployment(deployment_id="chat", config_filepath=str(SEEDS / "deployment_config.yaml"))
    assert made.id == "chat"
    assert api.asked[1].body["id"] == "chat"
    assert api.asked[1].body["nodepools"] == [
        {"id": "test-nodepool", "compute_cluster": {"id": "test-compute-cluster"}}
    ]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("nodepools: [{id: other, compute_cluster: {id: c}}]", "c/other"),
        ("nodepools: [{id: other}, 7]", "None/other, 7"),
        ("deployment_nodepools: [{nodepool: {id: other, compute_cluster: {id: c}}, priority: 1}]", "c/other"),
    ],
)
def test_a_file_for_another_nodepool_is_refused(api: ScriptedApi, tmp_path: Path, text: str, keys: str) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text(f"deployment: {{id: chat, {text}}}")
    nodepool = Nodepool("gpu", compute_cluster_id="c", context=api.context)
    with pytest.raises(HomeportError, match=f"nodepool c/gpu, and the file deploys to {keys}"):
        nodepool.create_deployment(config_filepath=str(file))
    assert api.asked == []


def test_a_file_without_nodepools_is_deployed_where_it_is_made(api: ScriptedApi, tmp_path: Path) -> None:
    api.answer("POST", "deployments", resource("deployment", "chat", {}), 201)
    file = tmp_path / "deployment.yaml"
    file.write_text("deployment: {id: chat, worker: {model: {id: m}}}")
    nodepool = Nodepool("gpu", compute_cluster_id="c", context=api.context)
    nodepool.create_deployment(config_filepath=str(file), create_missing=True)
    assert api.asked[0].body["nodepools"] == [{"id": "gpu", "compute_cluster": {"id": "c"}}]
    assert api.asked[0].query == {"create_missing": "true"}


def test_somebody_must_say_the_id(api: ScriptedApi) -> None:
    with pytest.raises(HomeportError, match="the id of the compute cluster"):
        User(context=api.context).create_compute_cluster()


def test_a_models_config_file(api: ScriptedApi) -> None:
    api.answer("POST", "apply", {"results": [{"kind": "model", "id": "my-model", "action": "created"}], "seq": 1})
    assert User(context=api.context).create_model(str(SEEDS / "model" / "config.yaml")).id == "my-model"
    (document,) = api.asked[0].body["documents"]
    assert document["model"]["build_info"] == {"python_version": "3.12"}


def test_a_prediction_at_once_and_in_pieces(api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _EVENTS)
    model = Model("smollm2", context=api.context)
    assert model.predict("Hi", max_tokens=8) == "Hello"
    pieces = Model("smollm2", deployment_id="chat", context=api.context).predict("Hi", stream=True)
    assert list(pieces) == ["Hel", "lo"]
    messages = [{"role": "user", "content": "Hi"}]
    assert api.asked[0].body == {"model": "smollm2", "messages": messages, "max_tokens": 8, "stream": True}
    assert api.asked[1].body["model"] == "chat"


async def test_a_prediction_with_asyncio(api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _EVENTS)
    model = AsyncModel("smollm2", context=api.context)
    assert await model.predict([{"role": "user", "content": "Hi"}]) == "Hello"
    assert [piece async for piece in model.predict("Hi", stream=True)] == ["Hel", "lo"]


@pytest.mark.parametrize(
    ("serving", "default", "outcome"),
    [
        (["chat"], "", "chat"),
        (["chat", "talk"], "talk", "talk"),
        (["chat", "talk"], "", ErrorCode.CONFLICT),
        ([], "", ErrorCode.NOT_FOUND),
    ],
)
def test_who_is_asked_on_another_path(
    api: ScriptedApi, serving: list[str], default: str, outcome: str | ErrorCode
) -> None:
    api.answer("GET", "deployments", {"items": [resource("deployment", id, {}) for id in serving], "seq": 1})
    api.answer("GET", "models/m", resource("model", "m", {"default_deployment": default}))
    model = Model("m", context=api.context)
    if isinstance(outcome, ErrorCode):
        with pytest.raises(HomeportError) as caught:
            model.invoke("/classify", {})
        assert caught.value.code is outcome
    else:
        api.answer("POST", f"d/{outcome}/classify", {"by": outcome})
        assert model.invoke("/classify", {}) == {"by": outcome}
    assert api.asked[0].query["model"] == "m"


def test_waiting_for_a_deployment(api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat", _state("pending"))
    snapshot = {"type": "snapshot", "topic": "deployments", "items": [_state("starting")], "seq": 1}
    change = {"op": "put", "kind": "deployment", "id": "chat", "object": _state("ready")}
    api.watches = [[snapshot, {"type": "delta", "seq": 2, "changes": [change]}, None]]
    assert Deployment("chat", context=api.context).wait().status["phase"] == "ready"


def test_waiting_ends_when_it_fails_or_is_gone(api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat", _state("failed", "exit code 3"))
    with pytest.raises(HomeportError, match="exit code 3"):
        Deployment("chat", context=api.context).wait()
    assert Deployment("chat", context=api.context).wait("failed", "ready").status["phase"] == "failed"
    api.answers["GET", "/deployments/chat"] = [(200, _state("pending"))]
    api.watches = [[{"type": "snapshot", "topic": "deployments", "items": [], "seq": 1}]]
    with pytest.raises(HomeportError, match="chat is gone"):
        Deployment("chat", context=api.context).wait()


async def test_waiting_no_longer_than_told(api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat", _state("pending", "no node fits"))
    api.watches = [[None]]
    with pytest.raises(HomeportError, match=r"chat is pending: no node fits") as caught:
        await AsyncDeployment("chat", context=api.context).wait(timeout=2)
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED


def test_the_verbs_of_a_deployment(api: ScriptedApi) -> None:
    for verb in ("stop", "start", "restart", "scale", "pause-autoscaling"):
        api.answer("POST", f"deployments/chat/{verb}", _state("ready"))
    api.answer("DELETE", "deployments/chat", b"", 204)
    api.answer("GET", "deployments/chat/logs", [b"one\n"])
    chat = Deployment(user_id="me", deployment_id="chat", context=api.context)
    for act in (
        chat.stop,
        chat.start,
        chat.restart,
        lambda: chat.scale(2),
        lambda: chat.scale(auto=True),
        chat.pause_autoscaling,
    ):
        assert act().id == "chat"
    assert list(chat.logs(tail=1)) == ["one"]
    chat.delete()
    assert [asked.path.rpartition("/")[2] for asked in api.asked] == [
        *("stop", "start", "restart", "scale", "scale", "pause-autoscaling", "logs", "chat")
    ]


async def test_inside_an_event_loop_the_blocking_forms_name_the_other(api: ScriptedApi) -> None:
    with pytest.raises(RuntimeError, match="use the Async form"):
        Deployment("chat", context=api.context).get()
    with pytest.raises(RuntimeError, match="use the Async form"):
        Model("m", context=api.context).predict("Hi")


async def test_what_became_of_a_deployment_is_read_page_by_page(api: ScriptedApi) -> None:
    pages = [
        {"items": [{"n": 1}], "seq": 1, "next_cursor": "9_1"},
        {"items": [{"n": 2}], "seq": 1, "next_cursor": None},
    ]
    asynchronous = AsyncDeployment("chat", context=api.context)
    for name in ("cold_starts", "scaling_history", "replica_faults", "traffic"):
        for page in pages:
            api.answer("GET", f"deployments/chat/{name.replace('_', '-')}", page)
        assert await getattr(asynchronous, name)() == [{"n": 1}, {"n": 2}]
    assert [asked.query.get("cursor") for asked in api.asked] == [None, "9_1"] * 4


def test_what_became_of_a_deployment_may_be_asked_for_in_part(api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/traffic", {"items": [{"n": 1}], "seq": 1, "next_cursor": None})
    assert Deployment("chat", context=api.context).traffic(since="5") == [{"n": 1}]
    assert api.asked[0].query["since"] == "5"
