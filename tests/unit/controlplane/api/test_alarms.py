"""What `GET /status` tells a person to look at."""

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import Inventory
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


async def test_a_copy_of_a_node_is_an_alarm_while_it_tries(api: ControlApi) -> None:
    node_id = await api.put_node("gpu-1")
    api.registry.clone_refused(node_id, "ipv4:192.0.2.7:4711")
    api.clock.advance(900)
    api.registry.clone_refused(node_id, "ipv4:192.0.2.7:4712")
    api.clock.advance(1000)
    [alarm] = await alarms(api)
    assert alarm["name"] == "clone"
    assert "gpu-1" in str(alarm["message"])
    assert "192.0.2.7:4712" in str(alarm["message"])
    api.clock.advance(1001)
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
