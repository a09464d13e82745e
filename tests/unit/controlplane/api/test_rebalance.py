"""A rebalance is proposed, done, looked at and stopped over the API."""

from typing import Any

from tests.fakes.control_api import DEPLOYMENT, ControlApi


async def two_nodes_with_one_each(api: ControlApi) -> None:
    await api.put_parents()
    for id in ("chat", "mail"):
        model = {"id": f"of-{id}"}
        assert (await api.call("POST", "/models", model)).status == 201
        version = {"id": "v1", "model": model, "driver": "process", "command": ["serve"]}
        assert (await api.call("POST", f"/models/of-{id}/versions", version)).status == 201
        body = {**DEPLOYMENT, "id": id, "worker": {"model": model}}
        assert (await api.call("POST", "/deployments", body)).status == 201
        await api.place(id, await api.put_node(f"of-{id}"))


def moves(rebalance: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (move["deployment_id"], move["from_node_name"], move["to_node_name"], move["state"])
        for clearing in rebalance["clearings"]
        for move in clearing["moves"]
    ]


async def test_a_dry_run_writes_nothing_and_the_real_one_is_followed_and_stopped(api: ControlApi) -> None:
    await two_nodes_with_one_each(api)
    before = api.store.seq
    proposed = (await api.call("POST", "/rebalance", {"dry_run": True})).body
    assert api.store.seq == before
    assert (proposed["state"], proposed["replicas"], proposed["may_move"]) == ("proposed", 2, 1)
    assert moves(proposed) == [("chat", "of-chat", "of-mail", "waiting")]
    assert [proposed[side]["free_nodes"] for side in ("before", "after")] == [0, 1]
    assert (await api.call("GET", "/rebalance")).body == {"rebalance": None}

    started = (await api.call("POST", "/rebalance", {"deadline_seconds": 60})).body
    assert started == {**proposed, "state": "running", "deadline_at": started["started_at"] + 60}
    assert (await api.call("GET", "/rebalance")).body["rebalance"] == started
    again = await api.call("POST", "/rebalance", {})
    assert (again.status, again.error["code"]) == (409, "conflict")
    assert "--stop" in again.error["hint"]
    assert (await api.call("POST", "/rebalance/stop", {})).body["state"] == "running", "until what is under way ends"
    [entry] = [
        each for each in (await api.call("GET", "/audit?kind=rebalance")).body["items"] if each["action"] == "create"
    ]
    assert entry["actor"] == "user/admin"


async def test_stopping_nothing_and_asking_for_what_is_not_there(api: ControlApi) -> None:
    await two_nodes_with_one_each(api)
    assert (await api.call("POST", "/rebalance/stop", {})).status == 409
    unknown = await api.call("POST", "/rebalance", {"cluster": "offcie"})
    assert unknown.status == 404 and "office" in unknown.error["hint"]
    assert (await api.call("POST", "/rebalance", {"cluster": "office", "nodepool": "zzz"})).status == 404
    for wrong in ({"nodepool": "gpu"}, {"max_moves_percent": 0}, {"at_once": 0}):
        assert (await api.call("POST", "/rebalance", wrong)).status == 400


async def test_whoever_may_write_a_nodepool_may_rebalance_that_alone(api: ControlApi) -> None:
    await two_nodes_with_one_each(api)
    token = await api.token_of("operator nodepool/office/gpu")
    here = await api.call_as(token, "POST", "/rebalance", {"cluster": "office", "nodepool": "gpu", "dry_run": True})
    assert here.status == 200, here.body
    everywhere = await api.call_as(token, "POST", "/rebalance", {"dry_run": True})
    assert everywhere.status == 403
