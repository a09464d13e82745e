"""What a fleet survives: vanished sites, restored backups, deaf or full control planes. In virtual seconds."""

import asyncio
from collections.abc import Callable

import pytest
from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.node_quarantine import memory_of, quarantine_of
from controlplane.store.failing import FailingStore
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import NodeStatus
from tests.fleet.fleet import Fleet, deployment
from tests.fleet.virtual_time import VirtualTimeLoop

Tell = Callable[..., None]

BOTH_SITES = [
    {"id": "default", "compute_cluster": {"id": "home"}},
    {"id": "default", "compute_cluster": {"id": "away1"}},
]


def starts(fleet: Fleet) -> list[int]:
    return [len(host.driver.starts) for host in fleet.hosts]


def statuses(fleet: Fleet) -> list[NodeStatus]:
    return [fleet.plane.registry.status(host.node_id) for host in fleet.hosts]


async def serving(fleet: Fleet, replicas: int, **more: object) -> None:
    await fleet.apply(deployment(replicas, replicas, **more))
    await fleet.until(lambda: fleet.seen_ready() == replicas, within=8, what=f"{replicas} ready replicas")


def test_most_of_a_fleet_vanishes_and_nothing_is_moved(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2)
        before = starts(fleet)
        for number in range(1, 6):
            fleet.network.cut(f"n{number}")
        brake = await fleet.until(lambda: fleet.plane.registry.brake.engaged_at is not None, 20, "the brake")
        assert brake <= 20
        await fleet.holds(lambda: NodeStatus.LOST not in statuses(fleet), 200, "nobody is given up")
        assert starts(fleet) == before
        for number in range(1, 6):
            fleet.network.heal(f"n{number}")
        await fleet.until(lambda: fleet.plane.registry.brake.engaged_at is None, 30, "the release")
        await fleet.until(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 60, "all back")
        await fleet.holds(lambda: fleet.total_ready() == 2, 90, "the same two")
        assert starts(fleet) == before

    tell(story, nodes=6)


def test_half_of_a_fleet_is_really_gone_and_is_replaced_in_the_end(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2)
        for host in fleet.hosts[:4]:
            fleet.network.cut(host.node_id)
        await fleet.holds(lambda: NodeStatus.LOST not in statuses(fleet), 300, "nobody is given up for five minutes")
        await fleet.until(lambda: statuses(fleet).count(NodeStatus.LOST) == 4, 60, "then they are")
        survivors = fleet.hosts[4:]
        await fleet.until(lambda: sum(len(host.ready()) for host in survivors) == 2, 10, "the replacements")

    tell(story, nodes=6)


def test_a_site_goes_dark_and_the_other_takes_over(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2, nodepools=BOTH_SITES)
        home, away = fleet.hosts[0::2], fleet.hosts[1::2]
        assert sum(len(host.ready()) for host in home) == 2
        before = [host.ready() for host in home]
        for host in home:
            fleet.network.cut(host.node_id)
        await fleet.until(lambda: sum(len(host.ready()) for host in away) == 2, within=75, what="the other site")
        assert [host.ready() for host in home] == before, "the dark site serves on"
        for host in home:
            fleet.network.heal(host.node_id)
        await fleet.until(lambda: fleet.total_ready() == 2, within=30, what="one copy is given up")
        await fleet.holds(lambda: fleet.total_ready() == 2, 120, "and no other")

    tell(story, nodes=6, clusters=2)


def test_after_a_restart_unheard_nodes_get_one_grace_window(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 1)
        fleet.network.cut("n0")
        await fleet.restart_plane(down_seconds=1000)
        await fleet.holds(lambda: statuses(fleet)[0] is not NodeStatus.LOST, 89, "not lost within 90 s")
        assert starts(fleet) == [1, 0]
        await fleet.until(lambda: fleet.hosts[1].ready() != [], within=8, what="then it is replaced")

    tell(story, nodes=2)


def test_who_was_lost_is_still_lost_after_a_restart(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 1)
        fleet.network.cut("n0")
        await fleet.until(lambda: statuses(fleet)[0] is NodeStatus.LOST, within=70, what="lost")
        await asyncio.sleep(1)
        await fleet.restart_plane(down_seconds=5)
        await asyncio.sleep(1)
        await fleet.holds(lambda: statuses(fleet)[0] is NodeStatus.LOST, 100, "it was decided before")
        fleet.network.heal("n0")
        await fleet.until(lambda: statuses(fleet)[0] is NodeStatus.READY, within=20, what="heard again")

    tell(story, nodes=2)


def test_a_machine_that_slept_blames_nobody(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        await serving(fleet, 2)
        before = starts(fleet)
        for _ in range(3):
            loop.suspend(600)
            await fleet.holds(lambda: NodeStatus.LOST not in statuses(fleet), 30, "nobody is lost")
        await fleet.until(lambda: fleet.seen_ready() == 2, within=30, what="all seen")
        assert starts(fleet) == before

    tell(story, nodes=2)


def test_a_link_that_flaps_for_five_minutes_moves_nothing(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 1)
        dialled, before = dict(fleet.network.dials), starts(fleet)
        for _ in range(75):
            fleet.network.cut("n0")
            await asyncio.sleep(2)
            fleet.network.heal("n0")
            await asyncio.sleep(2)
        assert fleet.network.dials["n0"] - dialled["n0"] <= 300, "no more than one dial a second"
        assert starts(fleet) == before
        await fleet.until(lambda: statuses(fleet)[0] is NodeStatus.READY, within=60, what="ready when it holds")

    tell(story, nodes=2)


@pytest.mark.timeout(400)  # an agent looks at its traffic each second
def test_half_a_day_alone_with_crashes(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await serving(fleet, 2, worker={"model": {"id": "m2"}})
        await fleet.plane.kill()
        await fleet.network.server_gone()
        for hour in range(12):
            await asyncio.sleep(3600)
            host.driver.crash(host.ready()[hour % 2])
            await fleet.until(lambda: len(host.ready()) == 2, within=30, what="both serve again")
        fleet.plane.start()
        await fleet.until(lambda: fleet.seen_ready() == 2, within=30, what="seen again")
        assert len(host.driver.starts) == 2 + 12

    tell(story)


def test_a_store_restored_from_a_backup_takes_nothing_from_anybody(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await serving(fleet, 1)
        backup, store_id = fleet.backup(), fleet.plane.store.store_id
        await fleet.apply(deployment(1, 1, id="newer", worker={"model": {"id": "m2"}}))
        await fleet.until(lambda: len(host.ready("newer")) == 1, within=8, what="a deployment after the backup")
        await fleet.restore(backup)
        await fleet.until(lambda: fleet.plane.store.store_id != store_id, within=10, what="a new store id")
        await fleet.holds(lambda: len(host.ready()) == len(host.ready("newer")) == 1, 120, "both serve on")
        [live] = [fleet.plane.registry.get("n0")]
        assert live is not None
        assert len(live.unknown_placements) == 1
        await fleet.restart_plane(down_seconds=5)
        await fleet.holds(lambda: len(host.ready("newer")) == 1, 60, "it stays unknown, and serves on")
        await fleet.delete("chat")
        await fleet.until(lambda: host.ready() == [], within=10, what="what the store knows, it may delete")
        assert len(host.ready("newer")) == 1
        assert starts(fleet) == [2]

    tell(story)


def test_an_empty_snapshot_and_its_confirmation_stop_nothing(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await serving(fleet, 2)
        [session] = fleet.plane.sessions._open.values()
        for version in (
            pb.StoreSeq(store_id=fleet.plane.store.store_id, seq=fleet.plane.store.seq + 1),
            pb.StoreSeq(store_id="another", seq=1),
        ):
            placements = [report.placement_id for report in host.replicas()]
            session.send(pb.ControlMessage(desired_state=pb.DesiredState(version=version, full=True)))
            confirm = pb.ConfirmRemovals(version=version, removed_placements=placements)
            session.send(pb.ControlMessage(confirm_removals=confirm))
            await fleet.holds(lambda: len(host.ready()) == 2, 30, "both serve on")
        assert starts(fleet) == [2]

    tell(story)


def test_what_was_sent_once_has_no_effect_when_it_arrives_again(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await serving(fleet, 1)
        await serving(fleet, 2)
        await fleet.apply(deployment(1, 1, id="gone", worker={"model": {"id": "m2"}}))
        await fleet.until(lambda: len(host.ready("gone")) == 1, within=8, what="another deployment")
        await fleet.delete("gone")
        await fleet.until(lambda: host.ready("gone") == [], within=8, what="its end")
        before = starts(fleet)
        fleet.network.replay("n0")
        await fleet.holds(lambda: len(host.ready()) == 2 and not host.ready("gone"), 30, "as it was")
        assert starts(fleet) == before

    tell(story)


def test_agents_come_back_to_a_control_plane_whose_disk_is_full(tell: Tell) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2)
        store = fleet.plane.store = FailingStore(fleet.plane.store)
        store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"), writes=10**9)
        epochs = []
        for _ in range(3):
            await fleet.restart_plane(down_seconds=1)
            await fleet.until(lambda: fleet.seen_ready() == 2, within=10, what="sessions without a note of them")
            epochs.append([live.epoch for host in fleet.hosts if (live := fleet.plane.registry.get(host.node_id))])
        assert epochs == sorted(epochs)
        assert len({tuple(each) for each in epochs}) == 3, "each epoch is higher than the one before"
        store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"), writes=0)
        await serving(fleet, 3)
        assert sum(starts(fleet)) == 3

    tell(story, nodes=2)


HOUR, YEAR = 3600.0, 365 * 86_400.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 5 * YEAR, -56 * YEAR])
@pytest.mark.parametrize("whose", ["a host", "the control plane"])
def test_a_wall_clock_that_jumps_stops_nothing(tell: Tell, whose: str, jump: float) -> None:
    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2)
        before = starts(fleet)
        if whose == "a host":
            fleet.hosts[0].clock_error = jump
        else:
            fleet.plane.clock_error = jump
        await fleet.holds(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 120, "nobody is blamed")
        assert starts(fleet) == before
        assert fleet.total_ready() == 2
        fleet.network.cut("n1")
        await fleet.until(lambda: fleet.plane.registry.status("n1") is NodeStatus.LOST, 70, "silence is still noticed")
        fleet.network.heal("n1")
        await fleet.until(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 60, "all back")
        assert quarantined(fleet) == []

    tell(story, nodes=3)


def quarantined(fleet: Fleet) -> list[str]:
    return [node.id for node in fleet.plane.store.all(Kind.NODE) if quarantine_of(node) is not None]


def test_no_fault_of_links_and_machines_makes_a_host_look_like_a_copy(tell: Tell) -> None:
    """Killed agents, a restarted control plane, and one that is set back to a backup."""

    async def story(fleet: Fleet) -> None:
        await serving(fleet, 2)
        backup = fleet.backup()
        for _ in range(3):
            for host in fleet.hosts:
                await host.kill_agent()
                await host.start_agent()
            await fleet.until(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 60, "all back")
            await fleet.restart_plane(1)
            await fleet.until(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 60, "all back")
        await asyncio.sleep(5)
        await fleet.restore(backup)
        await fleet.until(lambda: set(statuses(fleet)) == {NodeStatus.READY}, 90, "all back")
        await fleet.holds(lambda: quarantined(fleet) == [], 30, "nobody is taken for a copy")
        assert all(memory_of(node).epoch_kept for node in fleet.plane.store.all(Kind.NODE))

    tell(story, nodes=2)
