"""What an agent refuses to start goes elsewhere, and does not come back for a while."""

from homeport.core.refusal import Refusal, RefusalCode
from tests.fakes.placed_fleet import PlacedFleet

REFUSAL = Refusal("chat", RefusalCode.DEVICES_HELD, "100 % of n1-gpu0", "0 % of it left, by the agent's account")


async def refuse(fleet: PlacedFleet, *refused: Refusal) -> None:
    fleet.registry.set_refusals("n1", refused)


async def test_it_goes_to_another_node_and_stays_there(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2")
    await fleet.deploy("chat")
    assert list(await fleet.placements("chat")) == ["n1"]
    await refuse(fleet, REFUSAL)
    assert list(await fleet.placements("chat")) == ["n2"]
    await refuse(fleet)
    fleet.pass_time(301, alive="n1 n2")
    assert list(await fleet.placements("chat")) == ["n2"]


async def test_without_another_node_it_says_why_and_tries_again_later(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    assert list(await fleet.placements("chat")) == ["n1"]
    await refuse(fleet, REFUSAL)
    assert await fleet.placements("chat") == {}
    (why,) = fleet.status("chat")["rejections"]
    assert (why["filter"], why["need"], why["have"]) == ("refused", REFUSAL.need, REFUSAL.have)
    await refuse(fleet)
    fleet.pass_time(299, alive="n1")
    assert await fleet.placements("chat") == {}
    fleet.pass_time(2, alive="n1")
    assert list(await fleet.placements("chat")) == ["n1"]


async def test_others_are_still_welcome_there(fleet: PlacedFleet) -> None:
    await fleet.join("n1")
    await refuse(fleet, REFUSAL)
    await fleet.deploy("chat")
    await fleet.deploy("other", "m2")
    assert list(await fleet.placements("other")) == ["n1"]
    assert fleet.records("chat") == []
