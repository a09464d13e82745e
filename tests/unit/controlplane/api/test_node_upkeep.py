"""Nodes are taken out of use and back."""

from controlplane.sessions.desired_state import DesiredStates
from controlplane.store.store import Kind
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, ControlApi


async def test_a_node_is_cordoned_and_uncordoned(api: ControlApi) -> None:
    await api.put_node("gpu-1")
    cordoned = (await api.call("POST", "/nodes/gpu-1/cordon", {"reason": "new disk"})).body
    assert cordoned["spec"]["cordon"]["reason"] == "new disk"
    again = (await api.call("POST", "/nodes/gpu-1/cordon", {})).body
    assert again["spec"]["cordon"]["since"] == cordoned["spec"]["cordon"]["since"]
    assert (await api.call("POST", "/nodes/gpu-1/uncordon", {})).body["spec"]["cordon"] is None


async def test_a_node_is_drained_until_a_deadline_and_undrained(api: ControlApi) -> None:
    await api.put_node("gpu-1")
    drained = (await api.call("POST", "/nodes/gpu-1/drain", {"deadline_seconds": 60, "reason": "move"})).body
    drain = drained["spec"]["drain"]
    assert drain["deadline_at"] - drain["since"] == 60
    assert drained["status"]["drained"] is True, "nothing runs there"
    api.wall.advance(30)
    again = (await api.call("POST", "/nodes/gpu-1/drain", {"deadline_seconds": 0, "force": True})).body["spec"]["drain"]
    assert again == {"since": drain["since"], "deadline_at": drain["since"] + 30, "force": True, "reason": "move"}
    assert (await api.call("POST", "/nodes/gpu-1/undrain", {})).body["spec"]["drain"] is None


async def test_who_asks_for_one_node_again_and_again_sees_when_it_is_empty(api: ControlApi) -> None:
    await api.put_parents()
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    node = await api.put_node("gpu-1")
    await api.place("chat", node)
    await api.call("POST", "/nodes/gpu-1/drain", {})
    assert (await api.call("GET", "/nodes/gpu-1")).body["status"]["drained"] is False
    await api.store.write(lambda tx: tx.delete(Kind.PLACEMENT, f"chat-on-{node}"))
    assert (await api.call("GET", "/nodes/gpu-1")).body["status"]["drained"] is True


async def test_a_deadline_has_a_range(api: ControlApi) -> None:
    await api.put_node("gpu-1")
    for wrong in (-1, 10**9, "10m"):
        answered = await api.call("POST", "/nodes/gpu-1/drain", {"deadline_seconds": wrong})
        assert (answered.status, answered.error["path"]) == (400, "drain.deadline_seconds")


async def test_the_plan_says_what_moves_where_and_asks_for_nothing(api: ControlApi) -> None:
    await api.put_parents()
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    old, new = await api.put_node("gpu-1"), await api.put_node("gpu-2")
    await api.place("chat", old)
    api.report(old, "r1", ReplicaStatus.READY)
    plan = (await api.call("GET", "/nodes/gpu-1/drain")).body
    assert plan["hidden"] == 0
    assert plan["moves"] == [
        {
            "deployment_id": "chat",
            "replicas": 1,
            "to": [{"node_id": new, "node_name": "gpu-2", "replicas": 1}],
            "stays": 0,
            "why": [],
        }
    ]
    await api.call("POST", "/nodes/gpu-2/cordon", {})
    [move] = (await api.call("GET", "/nodes/gpu-1/drain")).body["moves"]
    assert (move["to"], move["stays"]) == ([], 1)
    assert [(why["node_name"], why["filter"]) for why in move["why"]] == [("gpu-2", "cordon")]
    assert (await api.call("GET", "/nodes/gpu-1")).body["spec"]["drain"] is None, "nothing was asked for"


async def test_a_gpu_is_cleared_by_the_beginning_of_its_quarantine(api: ControlApi) -> None:
    bad = Gpu("GPU-1", "L4", 24 << 30, quarantine="XID 79", quarantined_at=123.4)
    node_id = await api.put_node("gpu-1", gpus=(bad, Gpu("GPU-2", "L4", 24 << 30)))
    assert (await api.call("POST", "/nodes/gpu-1/clear-gpu", {"gpu": "GPU-2"})).status == 409
    missing = await api.call("POST", "/nodes/gpu-1/clear-gpu", {"gpu": "GPU-3"})
    assert (missing.status, missing.error["hint"]) == (404, "did you mean GPU-2 or GPU-1?")
    assert (await api.call("POST", "/nodes/gpu-1/clear-gpu", {"gpu": "GPU-1"})).status == 200
    desired = DesiredStates(api.store)
    [cleared] = desired.snapshot(node_id).cleared_gpus
    assert (cleared.uuid, cleared.quarantined_at) == ("GPU-1", 123.4)


async def test_the_agent_is_told_at_once_of_a_cleared_gpu_and_of_no_other_change(api: ControlApi) -> None:
    bad = Gpu("GPU-1", "L4", 24 << 30, quarantine="XID 79", quarantined_at=123.4)
    node_id = await api.put_node("gpu-1")
    api.registry.set_inventory(node_id, Inventory("gpu-1", gpus=(bad,)))
    desired = DesiredStates(api.store)
    desired.load()
    changes = api.store.changes()
    await api.call("POST", "/nodes/gpu-1/cordon", {})
    assert desired.touched(await anext(changes)) == {}
    await api.call("POST", "/nodes/gpu-1/clear-gpu", {"gpu": "GPU-1"})
    touched = desired.touched(await anext(changes))
    assert list(touched) == [node_id]
    assert [each.uuid for each in desired.delta(node_id, touched[node_id], 1).cleared_gpus] == ["GPU-1"]
