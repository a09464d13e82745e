"""Replicas move from node to node, told in seconds of a virtual clock: something always serves."""

import asyncio
from collections.abc import Callable

from controlplane.fleet.node_drain import drain_node, undrain_node
from controlplane.store.store import Kind
from homeport.core.refusal import Refusal, RefusalCode
from homeport.core.status import NodeStatus
from tests.fleet.fleet import Fleet, deployment


async def drain(fleet: Fleet, node_id: str) -> None:
    await fleet.plane.store.write(lambda tx: drain_node(tx, node_id, "", 600, force=False))


def test_a_drain_goes_on_after_a_restart_and_something_always_serves(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        old, *others = fleet.hosts
        await fleet.apply(deployment(2, 3))
        await fleet.until(lambda: fleet.seen_ready() == 2, within=10, what="two ready replicas")
        await drain(fleet, "n0")
        await fleet.restart_plane(3)
        moved = fleet.until(lambda: old.replicas() == [], within=60, what="the node is empty")
        served = fleet.holds(lambda: fleet.total_ready() >= 2, 90, "never below the minimum")
        await asyncio.gather(moved, served)
        assert 2 <= sum(len(host.ready()) for host in others) <= 3
        assert {placement.spec["node_id"] for placement in fleet.plane.store.all(Kind.PLACEMENT)} == {"n1", "n2"}
        await fleet.plane.store.write(lambda tx: undrain_node(tx, "n0"))
        await fleet.holds(lambda: old.replicas() == [], 60, "nothing moves back")

    tell(story, nodes=3)


def test_a_node_that_cannot_be_emptied_keeps_serving_until_there_is_room(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        old, other = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=10, what="a ready replica")
        await drain(fleet, "n1")
        await drain(fleet, "n0")
        await fleet.holds(lambda: len(old.ready()) == 1, 900, "there is nowhere to go, not even at the deadline")
        await fleet.plane.store.write(lambda tx: undrain_node(tx, "n1"))
        moved = fleet.until(lambda: len(other.ready()) == 1 and old.replicas() == [], within=60, what="it has moved")
        served = fleet.holds(lambda: fleet.total_ready() >= 1, 60, "something serves")
        await asyncio.gather(moved, served)

    tell(story, nodes=2)


def test_a_version_deployed_while_a_node_was_away_replaces_the_old_one(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        one, two = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=10, what="a ready replica")
        fleet.network.cut("n0")
        await fleet.until(lambda: len(two.ready()) == 1, within=80, what="the replacement")
        await fleet.apply(deployment(env={"NEW": "1"}))
        await fleet.until(lambda: [r.revision for r in two.replicas()] == [2], within=30, what="the new revision")
        assert [report.revision for report in one.replicas()] == [1], "it cannot know"
        fleet.network.heal("n0")
        served = fleet.holds(lambda: fleet.total_ready() >= 1, 60, "something serves")
        settled = fleet.until(
            lambda: [r.revision for r in one.replicas()] == [2] and two.replicas() == [], within=60, what="one copy"
        )
        await asyncio.gather(served, settled)

    tell(story, nodes=2)


def test_a_deployment_may_wait_for_its_node_for_ever(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        one, two = fleet.hosts
        await fleet.apply(deployment(on_disconnect={"replace": False}))
        await fleet.until(lambda: fleet.seen_ready() == 1, within=10, what="a ready replica")
        fleet.network.cut("n0")
        await fleet.until(lambda: fleet.plane.registry.status("n0") is NodeStatus.LOST, within=80, what="lost")
        await fleet.holds(lambda: two.replicas() == [] and len(one.ready()) == 1, 900, "nothing moves")
        fleet.network.heal("n0")
        await fleet.until(lambda: fleet.seen_ready() == 1, within=30, what="it is seen again")
        assert len(one.driver.starts) == 1

    tell(story, nodes=2)


def test_a_deployment_that_may_not_run_alone_ends_before_it_is_replaced(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        one, two = fleet.hosts
        terms = {"stop_after_seconds": 30, "lost_after_seconds": 60, "reconcile": "keep_replacement"}
        await fleet.apply(deployment(on_disconnect=terms))
        await fleet.apply(deployment(id="beside", worker={"model": {"id": "m2"}}))
        await fleet.until(lambda: fleet.seen_ready() == 1 and len(one.ready("beside")) == 1, within=10, what="both")
        fleet.network.cut("n0")
        stopped = fleet.until(lambda: one.ready() == [], within=45, what="it stops by itself")
        served = fleet.holds(lambda: len(one.ready()) + len(two.ready()) <= 1, 120, "never two at once")
        await asyncio.gather(stopped, served)
        assert len(two.ready()) == 1
        assert len(one.ready("beside")) == 1, "what asks for nothing of that runs on"
        fleet.network.heal("n0")
        await fleet.holds(lambda: len(one.ready()) + len(two.ready()) == 1, 60, "one copy")

    tell(story, nodes=2)


def test_neither_a_restart_nor_a_boot_begins_the_silence_anew(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(on_disconnect={"stop_after_seconds": 60}))
        await fleet.until(lambda: fleet.seen_ready() == 1, within=10, what="a ready replica")
        await asyncio.sleep(20)
        fleet.network.cut("n0")
        await asyncio.sleep(40)
        await host.kill_agent()
        await host.start_agent()
        assert len(host.ready()) == 1, "not yet"
        await fleet.until(lambda: host.ready() == [], within=35, what="it stops")
        await host.kill_agent()
        host.boot = "second boot"
        await host.start_agent()
        await fleet.holds(lambda: host.ready() == [], 120, "after a boot nobody knows for how long it was alone")
        fleet.network.heal("n0")
        await fleet.until(lambda: len(host.ready()) == 1, within=30, what="it is heard, and runs again")

    tell(story)


def test_what_a_host_has_no_memory_for_now_goes_elsewhere_and_may_come_back_later(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        one, two = fleet.hosts
        short = Refusal("chat", RefusalCode.MEMORY_SHORT, "1Gi of memory", "200Mi available on the host")
        one.short["chat"] = short
        await fleet.apply(deployment())
        await fleet.until(lambda: len(two.ready()) == 1, within=30, what="it runs on the other node")
        await fleet.until(lambda: one.replicas() == [], within=30, what="it is no more tried where it was refused")
        two.short["chat"] = short
        two.driver.crash(two.ready()[0])
        await fleet.until(lambda: fleet.total_ready() == 0, within=10, what="nobody can start it")
        one.short.clear()
        await fleet.until(lambda: len(one.ready()) == 1, within=400, what="the first node is asked again")

    tell(story, nodes=2)
