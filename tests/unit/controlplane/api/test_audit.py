"""The audit log, through the API."""

import json

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from tests.fakes.control_api import DEPLOYMENT, ControlApi


async def _entries(api: ControlApi, question: str = "") -> list[dict[str, object]]:
    answered = await api.call("GET", f"/audit{question}")
    assert answered.status == 200, answered.body
    items: list[dict[str, object]] = answered.body["items"]
    return items


async def test_each_change_says_who_what_where_and_how_it_was(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", {**DEPLOYMENT, "env": {"KEY": "planted"}})
    patch = {"generation": 1, "spec": {"hold_seconds": 5}}
    edited = await api.call("PATCH", "/deployments/chat", patch, headers={"X-Request-Id": "mine"})
    assert edited.status == 200
    await api.call("DELETE", "/deployments/chat")
    entries = await _entries(api, "?kind=deployment&object_id=chat")
    assert [entry["action"] for entry in entries] == ["delete", "edit", "create"]
    edit = entries[1]
    assert (edit["actor"], edit["address"], edit["result"]) == ("user/admin", "127.0.0.1", "done")
    assert (edit["request_id"], edit["request"]) == ("mine", "PATCH /api/v1/deployments/chat")
    assert (edit["before"], edit["after"]) == ({"spec": {"hold_seconds": 60.0}}, {"spec": {"hold_seconds": 5.0}})
    assert edit["token_id"] == api.token.split(".")[1]
    assert "planted" not in str(await _entries(api))


async def test_what_changes_nothing_leaves_no_entry(api: ControlApi) -> None:
    await api.put_parents()
    before = await _entries(api)
    await api.call("POST", "/deployments?dry_run=true", DEPLOYMENT)
    await api.call("POST", "/clusters", {"id": "office"})
    await api.call("DELETE", "/clusters/office")
    api.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    await api.call("POST", "/clusters", {"id": "other"})
    await api.call("GET", "/clusters")
    assert await _entries(api) == before


async def test_one_apply_is_one_request_with_an_entry_for_each_object(api: ControlApi) -> None:
    documents = [{"compute_cluster": {"id": "a"}}, {"compute_cluster": {"id": "b"}}]
    await api.call("POST", "/apply", {"documents": documents}, headers={"X-Request-Id": "both"})
    entries = await _entries(api, "?request_id=both")
    assert [entry["object_id"] for entry in entries] == ["b", "a"]


async def test_a_wrong_token_is_written_down_without_the_token(api: ControlApi) -> None:
    for headers in ({"Authorization": "Bearer hp1.none.planted"}, {"Authorization": None}):
        assert (await api.call("GET", "/clusters", headers=headers)).status == 401
    [denied] = await _entries(api, "?result=denied")
    assert (denied["action"], denied["actor"], denied["request"]) == ("sign-in", "", "GET /api/v1/clusters")
    assert denied["reason"] == "the access token is not valid"
    assert "planted" not in str(denied)


async def test_a_denial_that_cannot_be_written_down_is_still_a_denial(api: ControlApi) -> None:
    api.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    answered = await api.call("GET", "/clusters", headers={"Authorization": "Bearer hp1.none.x"})
    assert answered.status == 401
    assert await _entries(api) == []


async def test_pages_and_export_hold_every_entry_once(api: ControlApi) -> None:
    for number in range(7):
        await api.call("POST", "/clusters", {"id": f"c{number}"})
    found: list[str] = []
    question = "?limit=3"
    while True:
        page = (await api.call("GET", f"/audit{question}")).body
        found += [entry["object_id"] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        question = f"?limit=3&cursor={page['next_cursor']}"
    assert found == [f"c{number}" for number in reversed(range(7))]
    exported = (await api.call("GET", "/audit/export")).body.splitlines()
    assert [json.loads(line)["object_id"] for line in exported] == found[::-1]
    assert (await api.call("GET", "/audit/export?since=2000000000")).body == ""


async def test_filters_that_are_none_are_refused(api: ControlApi) -> None:
    for question in ("?result=maybe", "?since=yesterday", "?cursor=x", "?limit=0", "?color=red"):
        assert (await api.call("GET", f"/audit{question}")).status == 400, question


async def test_denials_do_not_fill_the_disk() -> None:
    async with ControlApi(Guesses(most=1_000)).running() as api:
        for number in range(40):
            headers = {"Authorization": f"Bearer hp1.none.{number}"}
            assert (await api.call("GET", "/clusters", headers=headers)).status == 401
        assert len(await _entries(api, "?limit=1000")) == 30
        api.clock.advance(61)
        await api.call("GET", "/clusters", headers={"Authorization": "Bearer hp1.none.x"})
        assert len(await _entries(api, "?limit=1000")) == 31
