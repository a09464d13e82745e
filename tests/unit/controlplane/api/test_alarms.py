"""What `GET /status` tells a person to look at."""

from controlplane.sessions.copies import Copies
from controlplane.sessions.registry import NodeLoad
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.likeness import Claim, Suspicion
from homeport.core.node_identity import Shown
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import ControlApi

NODES = {f"n{number}": "home" for number in range(4)}


async def alarms(api: ControlApi) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await api.call("GET", "/status")).body["alarms"]
    return found


async def test_many_vanished_nodes_are_an_alarm_until_they_are_back(api: ControlApi) -> None:
    for node_id in NODES:
        api.registry.connected(node_id, 1, Inventory("host"), "1.2.3")
    api.registry.tally(NODES)
    assert await alarms(api) == []
    vanished = api.clock() + 20
    api.clock.advance(20)
    api.registry.tally(NODES)
    api.clock.advance(30)
    [alarm] = await alarms(api)
    assert alarm["name"] == "mass-disappearance"
    assert "4 of 4 nodes" in str(alarm["message"])
    assert alarm["since"] == 1_700_000_000.0 + vanished
    for node_id in NODES:
        api.registry.connected(node_id, 2, Inventory("host"), "1.2.3")
    api.registry.tally(NODES)
    assert await alarms(api) == []


async def test_a_copy_of_a_node_is_an_alarm_until_a_person_has_looked(api: ControlApi) -> None:
    node_id = await api.put_node("gpu-1")
    copy = Shown(node_id, "c0ffee", 100.0, 900.0)
    await Copies(api.store).turned_away(Suspicion.HARDWARE, copy, Claim(), "192.0.2.7")
    [alarm] = await alarms(api)
    assert alarm["name"] == "clone"
    assert "gpu-1" in str(alarm["message"])
    assert "192.0.2.7" in str(alarm["message"])
    assert "homeport node approve gpu-1" in str(alarm["hint"])
    assert (await api.call("GET", "/nodes/gpu-1")).body["status"]["quarantine"]["address"] == "192.0.2.7"
    assert (await api.call("POST", "/nodes/gpu-1/reject", {})).status == 204
    assert await alarms(api) == []
    assert (await api.call("GET", "/nodes/gpu-1")).body["status"]["quarantine"] is None


async def test_a_node_that_waits_to_be_let_in_is_an_alarm(api: ControlApi) -> None:
    await api.put_node("gpu-1", waits_since=100.0)
    await api.put_node("gpu-2")
    [alarm] = await alarms(api)
    assert (alarm["name"], alarm["message"], alarm["since"]) == ("approval", "waiting to be let in: gpu-1", 100.0)
    assert (await api.call("POST", "/nodes/gpu-1/approve", {})).body["spec"]["waits_since"] is None
    assert await alarms(api) == []


async def test_a_store_that_cannot_be_written_is_an_alarm_until_it_can(api: ControlApi) -> None:
    full = HomeportError(ErrorCode.STORAGE_FULL, "the disk is full", hint="free some space")
    api.store.fail_next(full, writes=2)
    refused = await api.call("POST", "/clusters", {"id": "home"})
    assert (refused.status, refused.error["code"]) == (507, "storage_full")
    [alarm] = await alarms(api)
    assert (alarm["name"], alarm["message"], alarm["hint"]) == ("storage", "the disk is full", "free some space")
    api.store.fail_next(full, writes=0)
    assert (await api.call("POST", "/clusters", {"id": "home"})).status == 201
    assert await alarms(api) == []


async def test_a_nodepool_below_its_minimum_is_an_alarm(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("gpu-1")
    assert await alarms(api) == []
    changed = await api.call("PATCH", "/nodepools/office/gpu?force=true", {"spec": {"min_instances": 2}})
    assert changed.status == 200
    [alarm] = await alarms(api)
    assert alarm["name"] == "nodepool-minimum"
    assert alarm["message"] == "nodepool office/gpu has 1 ready nodes of at least 2"
    await api.put_node("gpu-2")
    assert await alarms(api) == []


async def test_a_drain_that_takes_too_long_is_an_alarm(api: ControlApi) -> None:
    node_id = await api.put_node("gpu-1")
    api.report(node_id, "r1", ReplicaStatus.READY)
    await api.call("POST", "/nodes/gpu-1/drain", {"deadline_seconds": api.clock() + 60})
    deadline = 1_700_000_000.0 + api.clock() + 60
    assert await alarms(api) == []
    api.clock.advance(61)
    api.registry.heard(node_id, NodeLoad())
    [alarm] = await alarms(api)
    assert (alarm["name"], alarm["since"]) == ("drain-overdue", deadline)
    api.registry.set_replicas(node_id, [], all_of_them=True)
    assert await alarms(api) == []


async def test_a_gpu_in_quarantine_is_an_alarm(api: ControlApi) -> None:
    bad = Gpu("GPU-1", "L4", 24 << 30, quarantine="XID 79: it fell off the bus", quarantined_at=5.0)
    await api.put_node("gpu-1", gpus=(bad,))
    [alarm] = await alarms(api)
    assert alarm["message"] == "GPU GPU-1 of node gpu-1 gets no replicas: XID 79: it fell off the bus"


async def test_the_brake_can_be_released(api: ControlApi) -> None:
    for node_id in NODES:
        api.registry.connected(node_id, 1, Inventory("host"), "1.2.3")
    assert (await api.call("POST", "/brake/release", {})).status == 409
    api.clock.advance(20)
    api.registry.tally(NODES)
    assert not api.registry.may_lose
    assert (await api.call("POST", "/brake/release", {})).status == 204
    assert await alarms(api) == []
    api.registry.tally(NODES)
    assert api.registry.may_lose
