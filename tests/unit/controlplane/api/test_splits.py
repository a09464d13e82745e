"""Revisions side by side: the division of requests as people write it."""

from typing import Any

import pytest

from controlplane.store.store import Kind
from tests.fakes.control_api import DEPLOYMENT, VERSION, ControlApi


@pytest.fixture
async def chat(api: ControlApi) -> ControlApi:
    """The API with a deployment, chat, of three revisions."""
    await api.put_parents()
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    for number in (2, 3):
        answered = await api.call("PATCH", "/deployments/chat?force=true", {"spec": {"env": {"A": str(number)}}})
        assert answered.body["status"]["revision"] == number
    return api


async def shares(chat: ControlApi, verb: str, body: dict[str, Any]) -> dict[int, int]:
    answered = await chat.call("POST", f"/deployments/chat/{verb}", body)
    assert answered.status == 200, answered.body
    return {each["revision"]: each["percent"] for each in answered.body["spec"]["traffic_split"]}


def listed(**percents: int) -> list[dict[str, int]]:
    return [{"revision": int(name[1:]), "percent": percent} for name, percent in percents.items()]


async def test_a_canary_is_given_more_promoted_and_taken_back(chat: ControlApi) -> None:
    assert await shares(chat, "split", {"traffic_split": listed(r2=100)}) == {2: 100}
    assert await shares(chat, "split", {"revision": 3, "percent": 10}) == {2: 90, 3: 10}
    assert await shares(chat, "split", {"revision": 3, "percent": 50}) == {2: 50, 3: 50}
    assert await shares(chat, "promote", {}) == {3: 100}
    assert await shares(chat, "rollback", {}) == {2: 100}
    assert await shares(chat, "rollback", {}) == {1: 100}
    assert await shares(chat, "promote", {"revision": 2}) == {2: 100}
    assert await shares(chat, "split", {"traffic_split": []}) == {}
    record = chat.store.get(Kind.DEPLOYMENT, "chat")
    assert record is not None
    assert record.status["revision"] == 3, "none of this makes a revision"


async def test_of_two_that_run_a_rollback_goes_to_the_older(chat: ControlApi) -> None:
    await shares(chat, "split", {"traffic_split": listed(r1=90, r3=10)})
    assert await shares(chat, "rollback", {}) == {1: 100}


@pytest.mark.parametrize(
    ("verb", "body", "status", "said"),
    [
        ("split", {"traffic_split": listed(r1=90, r2=20)}, 400, "the percents add up to 110"),
        ("split", {"traffic_split": listed(r1=50) + listed(r1=50)}, 400, "revision 1 is listed twice"),
        ("split", {"traffic_split": listed(r9=100)}, 404, "has no revision 9"),
        ("split", {"revision": 4, "percent": 10}, 404, "has no revision 4"),
        ("split", {"revision": 3, "percent": 10}, 409, "all requests of deployment chat go to revision 3"),
        ("split", {"revision": 3}, 400, "give `traffic_split`, or `revision` and `percent`"),
        ("split", {}, 400, "give `traffic_split`, or `revision` and `percent`"),
        ("promote", {"revision": 9}, 404, "has no revision 9"),
        ("rollback", {"revision": 0}, 400, "must be 1 or more"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    chat: ControlApi, verb: str, body: dict[str, Any], status: int, said: str
) -> None:
    refused = await chat.call("POST", f"/deployments/chat/{verb}", body)
    assert refused.status == status
    assert said in refused.body["error"]["message"]
    shown = (await chat.call("GET", "/deployments/chat")).body
    assert (shown["spec"]["traffic_split"], shown["generation"]) == ([], 3)


async def test_the_first_revision_has_none_before_it(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    refused = await api.call("POST", "/deployments/chat/rollback", {})
    assert refused.status == 409
    assert "no revision before 1" in refused.body["error"]["message"]


async def test_a_revision_may_be_given_its_share_by_the_edit_that_makes_it(chat: ControlApi) -> None:
    spec = {"env": {"A": "4"}, "traffic_split": listed(r3=90, r4=10)}
    answered = await chat.call("PATCH", "/deployments/chat?force=true", {"spec": spec})
    assert (answered.status, answered.body["status"]["revision"]) == (200, 4)
    refused = await chat.call("PATCH", "/deployments/chat?force=true", {"spec": {"traffic_split": listed(r6=100)}})
    assert refused.status == 404
    assert refused.body["error"]["path"] == "deployment.traffic_split.0.revision"


async def test_a_dry_run_tells_whether_it_fits_and_keeps_nothing(chat: ControlApi) -> None:
    answered = await chat.call(
        "POST", "/deployments/chat/split", {"traffic_split": listed(r1=50, r3=50), "dry_run": True}
    )
    assert answered.status == 200
    assert answered.body["forecast"]["deployment_id"] == "chat"
    assert answered.body["forecast"]["verdict"] == "pending", "there is no node"
    shown = (await chat.call("GET", "/deployments/chat")).body
    assert shown["spec"]["traffic_split"] == []
    assert [each["revision"] for each in shown["status"]["traffic_split"]] == [3]


async def test_a_version_that_an_older_revision_runs_is_in_use(chat: ControlApi) -> None:
    await shares(chat, "split", {"traffic_split": listed(r3=100)})
    await chat.call("POST", "/models/smollm2/versions", {**VERSION, "id": "v2"})
    moved = {"worker": {"model": {"id": "smollm2", "model_version": {"id": "v2"}}}}
    answered = await chat.call("PATCH", "/deployments/chat?force=true", {"spec": moved})
    assert (answered.status, answered.body["status"]["revision"]) == (200, 4), answered.body
    impact = (await chat.call("GET", "/models/smollm2/versions/v1/impact")).body
    assert impact["blocked_by"] == [{"kind": "deployment", "id": "chat"}]
    assert (await chat.call("DELETE", "/models/smollm2/versions/v1")).status == 409
    await shares(chat, "promote", {})
    assert (await chat.call("DELETE", "/models/smollm2/versions/v1")).status == 204


async def test_a_division_is_in_the_audit_log(chat: ControlApi) -> None:
    await shares(chat, "promote", {"revision": 2})
    newest = (await chat.call("GET", "/audit?limit=1")).body["items"][0]
    assert (newest["kind"], newest["object_id"], newest["action"]) == ("deployment", "chat", "edit")
    assert newest["after"] == {"spec": {"traffic_split": listed(r2=100)}}
