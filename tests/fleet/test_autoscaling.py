"""The autoscaler of an agent under traffic, with the delays left to it. A start takes two seconds, a request five, and
four run at once on a replica. Times are seconds since the traffic began."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from controlplane.store.history import HistoryQuery
from homeport.core.history.entry import EntryKind
from homeport.core.history.scaling_change import ScalingChange
from tests.fleet.clients import Clients
from tests.fleet.fleet import Fleet, deployment

At = Callable[[float], Awaitable[None]]


@contextlib.asynccontextmanager
async def _traffic(fleet: Fleet, max_replicas: int) -> AsyncIterator[tuple[Clients, At]]:
    """Clients of the only host, and a sleep until that second."""
    await fleet.apply(deployment(0, max_replicas))
    await asyncio.sleep(5)
    clock = asyncio.get_running_loop().time
    began, clients = clock(), Clients(fleet.hosts[0])
    task = asyncio.create_task(clients.run())
    try:
        yield clients, lambda second: asyncio.sleep(max(0.0, began + second - clock()))
    finally:
        task.cancel()


async def _counts_told(fleet: Fleet) -> list[int]:
    """What the control plane knows of changes, oldest first."""
    kept = await fleet.plane.store.history(HistoryQuery("chat", EntryKind.SCALING))
    changes = [each.entry.told for each in reversed(kept) if isinstance(each.entry.told, ScalingChange)]
    return [change.replicas for change in changes if not change.held_until]


def test_a_burst_is_served_and_decays_to_nothing(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        async with _traffic(fleet, max_replicas=10) as (clients, at):
            await at(60)
            assert host.replicas() == [], "nothing runs for nobody"
            clients.send(20)
            await at(62)
            assert len(host.replicas()) >= 2, "the queue is the reason for more than one"
            await at(80)
            assert (len(clients.waits), clients.unserved) == (20, 0)
            assert max(clients.waits) <= 10
            clients.rate = 2.0
            await at(300)
            assert 3 <= len(host.ready()) <= 6, "two a second for five seconds each are ten at once"
            settled = clients.waits[-200:]
            assert sum(wait > 2 for wait in settled) == 0
            clients.rate = 0.0
            await at(300 + 3 * 3600)
            assert host.replicas() == []

    tell(story)


def test_gaps_worth_a_start_are_held_through(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        async with _traffic(fleet, max_replicas=10) as (clients, at):
            for minute in range(30):
                await at(60 * minute)
                clients.send(1)
            await at(1800)
            assert len(host.driver.starts) <= 4, "what a gap is like has to be seen first"
            assert max(clients.waits[5:]) < 1, "nobody after that waits for a start"

    tell(story)


def test_a_replica_that_crashes_while_others_start_is_made_up_for(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        async with _traffic(fleet, max_replicas=6) as (clients, at):
            clients.rate = 3.0
            await fleet.until(lambda: len(host.replicas()) >= 2, within=30, what="a second one is starting")
            host.driver.crash(host.replicas()[0].replica_id)
            await at(200)
            assert len(host.ready()) >= 4, "three a second for five seconds each are fifteen at once"
            assert clients.unserved == 0
            assert sum(wait > 2 for wait in clients.waits[-200:]) == 0

    tell(story)


def test_without_the_link_it_scales_on_and_tells_of_it_later(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        async with _traffic(fleet, max_replicas=10) as (clients, at):
            clients.rate = 1.0
            await at(120)
            before = len(host.ready())
            fleet.network.cut("n0")
            clients.rate = 4.0
            await at(240)
            peak = len(host.ready())
            assert peak >= 5 > before, "four a second for five seconds each are twenty at once"
            clients.rate = 0.0
            await at(240 + 3 * 3600)
            assert host.replicas() == [], "nobody needs to say so"
            assert peak not in await _counts_told(fleet)
            fleet.network.heal("n0")
            await asyncio.sleep(120)
            told = await _counts_told(fleet)
            assert max(told) >= peak
            assert told[-1] == 0

    tell(story)


def test_a_smaller_budget_holds_at_once_and_what_runs_is_served(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        async with _traffic(fleet, max_replicas=10) as (clients, at):
            clients.rate = 3.0
            await at(120)
            assert len(host.ready()) >= 4
            await fleet.apply(deployment(0, 2))
            await fleet.until(lambda: len(host.ready()) == 2, within=30, what="the smaller budget")
            clients.rate = 1.0
            await at(600)
            assert len(host.ready()) == 2
            assert clients.unserved == 0
            await fleet.apply(deployment(0, 10))
            clients.rate = 3.0
            await fleet.until(lambda: len(host.ready()) >= 4, within=60, what="what the traffic asks for")

    tell(story)
