import pytest

from homeport.client import AsyncClient, Client, Resource
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.cluster import ClusterSpec
from tests.fakes.api import ScriptedApi, resource

_EVENTS = [b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n', b"data: [DONE]\n\n"]


async def test_objects_of_one_kind(api: ScriptedApi) -> None:
    plain = resource("nodepool", "office/gpu", {"id": "gpu"})
    api.answer("GET", "nodepools", {"items": [plain], "seq": 7})
    api.answer("GET", "nodepools/office/gpu", plain)
    api.answer("POST", "nodepools", plain, 201)
    api.answer("DELETE", "nodepools/office/gpu", b"", 204)
    expected = Resource("nodepool", "office/gpu", 1, 7, 0.0, 0.0, {"id": "gpu"}, {})
    async with AsyncClient(api.context) as homeport:
        assert await homeport.nodepools.list(cluster="office") == [expected]
        assert await homeport.nodepools.get("office/gpu") == expected
        assert await homeport.nodepools.create({"id": "gpu"}) == expected
        await homeport.nodepools.delete("office/gpu")
    assert [asked.method for asked in api.asked] == ["GET", "GET", "POST", "DELETE"]
    assert api.asked[0].query == {"cluster": "office", "limit": "1000"}
    assert api.asked[2].body == {"id": "gpu"}


async def test_a_schema_object_is_sent_as_it_was_written(api: ScriptedApi) -> None:
    api.answer("POST", "clusters", resource("cluster", "office", {}), 201)
    async with AsyncClient(api.context) as homeport:
        await homeport.clusters.create(ClusterSpec(id="office", region="berlin"))
    assert api.asked[0].body == {"id": "office", "region": "berlin"}


async def test_versions_live_under_their_model(api: ScriptedApi) -> None:
    plain = resource("model_version", "smollm2/v1", {"id": "v1"})
    api.answer("GET", "models/smollm2/versions", {"items": [plain], "seq": 7})
    api.answer("GET", "models/smollm2/versions/v1", plain)
    async with AsyncClient(api.context) as homeport:
        versions = homeport.model_versions("smollm2")
        assert [version.id for version in await versions.list()] == ["smollm2/v1"]
        assert (await versions.get("smollm2/v1")).id == "smollm2/v1"


@pytest.mark.parametrize("wrong", ["gpu", "office/gpu/x", "office/", "", "/"])
async def test_an_id_of_the_wrong_form_is_not_sent(api: ScriptedApi, wrong: str) -> None:
    async with AsyncClient(api.context) as homeport:
        with pytest.raises(HomeportError, match="CLUSTER/NODEPOOL") as caught:
            await homeport.nodepools.get(wrong)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert api.asked == []


async def test_an_id_cannot_leave_its_place_in_the_path(api: ScriptedApi) -> None:
    async with AsyncClient(api.context) as homeport:
        with pytest.raises(HomeportError):
            await homeport.clusters.get("a?b#c d")
    assert api.asked[0].path == "/clusters/a%3Fb%23c%20d"


async def test_apply_sends_all_documents_at_once(api: ScriptedApi) -> None:
    api.answer("POST", "apply", {"results": [{"kind": "model", "id": "m", "action": "created"}], "seq": 9})
    async with AsyncClient(api.context) as homeport:
        results = await homeport.apply([{"model": {"id": "m"}}], dry_run=True)
    assert [(result.kind, result.id, result.action) for result in results] == [("model", "m", "created")]
    assert api.asked[0].body == {"documents": [{"model": {"id": "m"}}], "dry_run": True}


async def test_a_join_token_names_its_nodepool(api: ScriptedApi) -> None:
    api.answer("POST", "join-tokens", {"token": "hp1.a.b.c", "command": "homeport-agent join"}, 201)
    async with AsyncClient(api.context) as homeport:
        assert (await homeport.create_join_token("office/gpu", 60))["token"] == "hp1.a.b.c"
    nodepool = {"id": "gpu", "compute_cluster": {"id": "office"}}
    assert api.asked[0].body == {"nodepool": nodepool, "ttl_seconds": 60}


async def test_chat_goes_through_the_gateway(api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", _EVENTS)
    messages = [{"role": "user", "content": "Hi"}]
    async with AsyncClient(api.context) as homeport:
        assert [text async for text in homeport.chat("chat", messages, max_tokens=8)] == ["Hello"]
    assert api.asked[0].body == {"model": "chat", "messages": messages, "max_tokens": 8, "stream": True}


async def test_who_asks_hears_how_the_waiting_goes(api: ScriptedApi) -> None:
    api.answer("POST", "v1/chat/completions", [b": waiting for a replica, about 4 s\n\n", *_EVENTS])
    heard: list[str] = []
    async with AsyncClient(api.context) as homeport:
        assert [text async for text in homeport.chat("chat", [], on_waiting=heard.append)] == ["Hello"]
    assert heard == ["waiting for a replica, about 4 s"]
    assert "on_waiting" not in api.asked[0].body


def test_the_blocking_client_does_the_same(api: ScriptedApi) -> None:
    api.answer("GET", "clusters", {"items": [resource("cluster", "office", {})], "seq": 7})
    api.answer("GET", "replicas", {"items": [{"id": "r1"}], "seq": 7})
    api.answer("GET", "deployments/chat/logs", [b"one\n", b"two\n", b"three"])
    api.answer("POST", "v1/chat/completions", _EVENTS)
    with Client(api.context) as homeport:
        assert [cluster.id for cluster in homeport.clusters.list()] == ["office"]
        assert homeport.replicas(deployment="chat") == [{"id": "r1"}]
        assert list(homeport.logs("chat", tail=5, replica="r1")) == ["one", "two", "three"]
        assert "".join(homeport.chat("chat", [])) == "Hello"
    assert api.asked[2].query == {"tail": "5", "follow": "false", "replica": "r1"}


def test_leaving_a_stream_early_hangs_up(api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/logs", [b"one\n", b""])
    with Client(api.context) as homeport:
        lines = homeport.logs("chat", follow=True)
        assert next(lines) == "one"
        lines.close()  # type: ignore[attr-defined]
        assert api.hung_up.wait(10)


def test_a_refused_chat_raises_the_gateways_error(api: ScriptedApi) -> None:
    error = {"code": "not_found", "message": "unknown model chta", "hint": "did you mean chat?"}
    api.answer("POST", "v1/chat/completions", {"error": error}, 404)
    with Client(api.context) as homeport, pytest.raises(HomeportError, match="did you mean chat"):
        list(homeport.chat("chta", []))
