"""What nodes remember reaches the control plane once, however the link and the agents fare."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

from controlplane.store.history import HistoryQuery
from homeport.core.autoscale.demand import Demand
from homeport.core.history.cold_start import ColdStart
from homeport.core.history.entry import EntryKind
from homeport.core.history.scaling_change import ScalingChange
from tests.fleet.fleet import Fleet, deployment


async def _starts_told(fleet: Fleet) -> list[ColdStart]:
    """Newest first."""
    kept = await fleet.plane.store.history(HistoryQuery("chat", EntryKind.COLD_START))
    return [each.entry.told for each in kept if isinstance(each.entry.told, ColdStart)]


async def _changes_told(fleet: Fleet) -> list[tuple[int, int]]:
    """Those that were made, oldest first: how many replicas before and after."""
    kept = await fleet.plane.store.history(HistoryQuery("chat", EntryKind.SCALING))
    changes = [each.entry.told for each in reversed(kept) if isinstance(each.entry.told, ScalingChange)]
    return [(change.before, change.replicas) for change in changes if not change.held_until]


async def _crash(fleet: Fleet) -> None:
    """A replica ends, and another start of it follows."""
    [host] = fleet.hosts
    host.driver.crash(host.ready()[0])
    await fleet.until(lambda: host.ready() == [], within=5, what="its end")
    await fleet.until(lambda: len(host.ready()) == 1, within=60, what="its next start")


def test_a_start_is_told_with_the_wait_that_it_ended(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(0, 1))
        await asyncio.sleep(5)
        host.relay.demands["chat"] = Demand(queued=1, last_request_at=0.0, oldest_wait_seconds=0.2)
        assert host.relay.on_demand is not None
        host.relay.on_demand("chat")
        await fleet.until(lambda: len(host.ready()) == 1, within=5, what="a ready replica")
        await asyncio.sleep(40)
        [start] = await _starts_told(fleet)
        assert start.replica_id == host.ready()[0]
        assert start.parts.queue_seconds == 0.2
        assert start.parts.place_seconds == 0

    tell(story)


def test_starts_of_an_outage_are_told_after_it_once(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        fleet.network.cut("n0")
        for _ in range(3):
            await _crash(fleet)
        await host.kill_agent()
        await host.start_agent()
        await _crash(fleet)
        assert len(await _starts_told(fleet)) <= 1
        fleet.network.heal("n0")
        await asyncio.sleep(120)
        told = await _starts_told(fleet)
        assert [start.problem for start in told] == [""] * 5
        await asyncio.sleep(300)
        assert await _starts_told(fleet) == told

    tell(story)


def test_a_control_plane_that_ends_before_it_has_written_is_told_again(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        for _ in range(4):
            await fleet.restart_plane(down_seconds=1)
            await asyncio.sleep(1.3)
        await asyncio.sleep(120)
        assert len(await _starts_told(fleet)) == 1

    tell(story)


def test_what_a_node_decided_offline_is_known_centrally_after_the_reconnect(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(0, 4))
        await asyncio.sleep(40)
        fleet.network.cut("n0")
        await asyncio.sleep(60)
        made = [0]
        for arrivals, in_flight in ((1, 1), (100, 70), (200, 120)):
            demand = Demand(in_flight=in_flight, last_request_at=asyncio.get_running_loop().time(), arrivals=arrivals)
            host.relay.demands["chat"] = demand
            await asyncio.sleep(30)
            made.append(len(host.ready()))
        assert made == sorted(made)
        assert made[-1] == 4
        assert await _changes_told(fleet) == []
        fleet.network.heal("n0")
        await asyncio.sleep(60)
        told = await _changes_told(fleet)
        assert told[0][0] == 0
        assert told[-1][1] == 4
        assert all(before == after for (_, before), (after, _) in pairwise(told))

    tell(story)
