import pytest

from homeport.client import AsyncClient, Client
from homeport.client.resource import FieldChange
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.api import ScriptedApi, resource

_CHAT = resource("deployment", "chat", {"id": "chat"})


def _page(*ids: str, cursor: str | None = None) -> dict[str, object]:
    return {"items": [resource("deployment", id, {}) for id in ids], "seq": 7, "next_cursor": cursor}


async def test_a_list_is_read_to_its_end(api: ScriptedApi) -> None:
    api.answer("GET", "deployments", _page("a", "b", cursor="x1"))
    api.answer("GET", "deployments", _page("c", cursor="x2"))
    api.answer("GET", "deployments", _page())
    async with AsyncClient(api.context) as homeport:
        found = await homeport.deployments.list(sort="-created_at", labels={"team": "a", "tier": ""}, model="m", q="")
    assert [each.id for each in found] == ["a", "b", "c"]
    asked = [{key: value for key, value in each.query.items() if key != "limit"} for each in api.asked]
    first = {"sort": "-created_at", "label": "team=a,tier=", "model": "m"}
    assert asked == [first, {**first, "cursor": "x1"}, {**first, "cursor": "x2"}]


async def test_a_limit_asks_for_no_more_than_it_needs(api: ScriptedApi) -> None:
    api.answer("GET", "deployments", _page("a", "b", cursor="x1"))
    api.answer("GET", "deployments", _page("c", cursor="x2"))
    async with AsyncClient(api.context) as homeport:
        assert len(await homeport.deployments.list(limit=3)) == 3
    assert [each.query["limit"] for each in api.asked] == ["3", "1"]


async def test_an_edit_sends_what_was_read(api: ScriptedApi) -> None:
    changed = {"path": "description", "change": "live", "from": "", "to": "x"}
    api.answer("PATCH", "deployments/chat", {**_CHAT, "changes": [changed], "needs_restart": False})
    async with AsyncClient(api.context) as homeport:
        edited = await homeport.deployments.edit("chat", {"description": "x"}, generation=4)
        await homeport.deployments.edit("chat", {"description": None}, dry_run=True)
    assert (edited.resource.id, edited.needs_restart) == ("chat", False)
    assert edited.changes == (FieldChange("description", "live", "", "x"),)
    assert [asked.body for asked in api.asked] == [
        {"spec": {"description": "x"}, "generation": 4},
        {"spec": {"description": None}},
    ]
    assert [asked.query for asked in api.asked] == [{}, {"dry_run": "true", "force": "true"}]


async def test_a_conflict_carries_both_sides(api: ScriptedApi) -> None:
    details = {"current": _CHAT, "generation_read": 3, "conflicts": [{"path": "x", "yours": 1, "theirs": 2}]}
    error = {"code": "conflict", "message": "changed meanwhile", "details": details}
    api.answer("PATCH", "deployments/chat", {"error": error}, 409)
    async with AsyncClient(api.context) as homeport:
        with pytest.raises(HomeportError) as caught:
            await homeport.deployments.edit("chat", {}, generation=3)
    assert caught.value.code is ErrorCode.CONFLICT
    assert caught.value.details == details


def test_verbs_and_impact_of_the_blocking_client(api: ScriptedApi) -> None:
    for verb in ("stop", "start", "restart", "scale", "pause-autoscaling", "split", "promote", "rollback"):
        api.answer("POST", f"deployments/chat/{verb}", _CHAT)
    api.answer("GET", "deployments/chat/impact", {"stops": {"replicas": 1}, "objects": [], "blocked_by": []})
    with Client(api.context) as homeport:
        for act in (homeport.deployments.stop, homeport.deployments.start, homeport.deployments.restart):
            assert act("chat").id == "chat"
        homeport.deployments.scale("chat", 3)
        homeport.deployments.scale("chat", min_replicas=0, max_replicas=8)
        homeport.deployments.pause_autoscaling("chat")
        assert homeport.deployments.impact("chat")["stops"] == {"replicas": 1}
        homeport.deployments.split("chat", {3: 90, 4: 10})
        homeport.deployments.split("chat", revision=4, percent=20, dry_run=True)
        homeport.deployments.promote("chat")
        homeport.deployments.rollback("chat", 2)
    assert [asked.body for asked in api.asked[-4:]] == [
        {"traffic_split": [{"revision": 3, "percent": 90}, {"revision": 4, "percent": 10}], "dry_run": False},
        {"revision": 4, "percent": 20, "dry_run": True},
        {"dry_run": False},
        {"revision": 2, "dry_run": False},
    ]
    assert [asked.body for asked in api.asked[:5]] == [
        {},
        {},
        {},
        {"replicas": 3},
        {"min_replicas": 0, "max_replicas": 8},
    ]


def test_the_blocking_client_reads_pages_as_they_are_needed(api: ScriptedApi) -> None:
    api.answer("GET", "deployments", {"items": [_CHAT, _CHAT], "seq": 7, "next_cursor": "more"})
    with Client(api.context) as homeport:
        each = homeport.deployments.each(model="m", sort="-id")
        assert [next(each).id, next(each).id] == ["chat", "chat"]
        assert len(api.asked) == 1
        next(each)
        assert api.asked[1].query == {"model": "m", "sort": "-id", "limit": "1000", "cursor": "more"}


async def test_a_nodepool_by_its_id_alone(api: ScriptedApi) -> None:
    pools = [resource("nodepool", key, {}) for key in ("office/gpu", "attic/cpu", "office/cpu")]
    api.answer("GET", "nodepools", {"items": pools, "seq": 7})
    async with AsyncClient(api.context) as homeport:
        assert await homeport.find_nodepool("gpu") == "office/gpu"
        assert await homeport.find_nodepool("anywhere/x") == "anywhere/x"
        with pytest.raises(HomeportError, match="attic/cpu, office/cpu"):
            await homeport.find_nodepool("cpu")
        with pytest.raises(HomeportError, match="did you mean gpu"):
            await homeport.find_nodepool("gpuu")


async def test_another_path_of_the_models_server(api: ScriptedApi) -> None:
    api.answer("POST", "d/chat/v1/classify", {"label": "cat"})
    api.answer("POST", "d/chat/text", b"plain")
    async with AsyncClient(api.context) as homeport:
        assert await homeport.invoke("chat", "/v1/classify", {"x": 1}) == {"label": "cat"}
        with pytest.raises(HomeportError, match="not JSON"):
            await homeport.invoke("chat", "text", {})
