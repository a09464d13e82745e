"""What happens to a fleet, told in seconds of a virtual clock."""

import asyncio
from collections.abc import Callable

from controlplane.store.store import Kind
from homeport.core.autoscale.demand import Demand
from homeport.core.status import NodeStatus
from tests.fleet.fleet import Fleet, deployment


def test_a_deployment_runs_and_the_control_plane_sees_it(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        assert fleet.total_ready() == 1

    tell(story)


def test_a_minimum_of_two_stands_on_two_nodes(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(2, 4))
        await fleet.until(lambda: fleet.seen_ready() == 2, within=5, what="two ready replicas")
        assert [len(host.ready()) for host in fleet.hosts] == [1, 1, 0]

    tell(story, nodes=3)


def test_a_cut_link_is_noticed_and_the_work_moves_when_the_node_is_lost(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        one, two = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        first = one.ready()
        fleet.network.cut("n0")
        status = fleet.plane.registry.status
        assert await fleet.until(lambda: status("n0") is NodeStatus.SUSPECT, within=8, what="suspect") <= 6
        await fleet.until(lambda: status("n0") is NodeStatus.DISCONNECTED, within=12, what="disconnected")
        assert two.ready() == []
        await fleet.until(lambda: status("n0") is NodeStatus.LOST, within=50, what="lost")
        await fleet.until(lambda: len(two.ready()) == 1, within=5, what="the replacement")
        assert one.ready() == first, "the silent node keeps serving"

        fleet.network.heal("n0")
        await fleet.until(lambda: two.replicas() == [], within=30, what="the removal of the replacement")
        await fleet.holds(lambda: one.ready() == first, 60, "the original stays")
        assert len(one.driver.starts) == len(two.driver.starts) == 1

    tell(story, nodes=2)


def test_a_short_cut_starts_and_stops_nothing(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(2, 2))
        await fleet.until(lambda: fleet.seen_ready() == 2, within=6, what="two ready replicas")
        for _ in range(20):
            fleet.network.cut("n0")
            await fleet.holds(lambda: len(host.ready()) == 2, 30, "both serve on through the cut")
            fleet.network.heal("n0")
            await fleet.until(lambda: fleet.seen_ready() == 2, within=30, what="both seen again")
        assert len(host.driver.starts) == 2

    tell(story)


def test_what_somebody_waits_for_moves_as_soon_as_its_idle_node_is_disconnected(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(0, 1))

        def placed() -> set[str]:
            placements = fleet.plane.store.all(Kind.PLACEMENT)
            return {placement.spec["node_id"] for placement in placements if not placement.spec.get("replaced")}

        await fleet.until(lambda: placed() == {"n0"}, within=10, what="a placement")
        fleet.network.cut("n0")
        status = fleet.plane.registry.status
        await fleet.until(lambda: status("n0") is NodeStatus.DISCONNECTED, within=20, what="disconnected")
        fleet.plane.wakes.hear("chat")
        await fleet.until(lambda: placed() == {"n1"}, within=10, what="room elsewhere, long before it is lost")

    tell(story, nodes=2)


def test_a_node_keeps_to_the_schedule_while_its_link_is_cut(tell: Callable[..., None]) -> None:
    """The clock begins at 00:16:40 UTC."""
    scaling = {
        "min_replicas": 0,
        "max_replicas": 3,
        "scale_down_delay_seconds": 0,
        "scale_to_zero_delay_seconds": 0,
        "schedule": [{"starts": "00:30", "ends": "00:40", "min_replicas": 2}],
    }

    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(autoscale_config=scaling))
        await fleet.until(lambda: len(fleet.plane.store.all(Kind.PLACEMENT)) == 1, within=10, what="a placement")
        await asyncio.sleep(10)
        fleet.network.cut("n0")
        await fleet.holds(lambda: host.replicas() == [], 1799 - host.wall(), "nothing before 00:30")
        await fleet.until(lambda: len(host.ready()) == 2, within=10, what="two at 00:30")
        await fleet.holds(lambda: len(host.ready()) == 2, 2399 - host.wall(), "both until 00:40")
        await fleet.until(lambda: host.replicas() == [], within=3600, what="none after it, with nobody asking")

    tell(story)


def test_a_control_plane_that_was_away_touches_nothing_that_runs(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(2, 2))
        await fleet.until(lambda: fleet.seen_ready() == 2, within=6, what="two ready replicas")
        for down_seconds in (1, 10, 300):
            await fleet.restart_plane(down_seconds)
            assert await fleet.until(lambda: fleet.seen_ready() == 2, within=10, what="sessions are back") <= 10
            await fleet.holds(lambda: fleet.total_ready() == 2, 90, "both serve on")
        assert [len(host.driver.starts) for host in fleet.hosts] == [1, 1]

    tell(story, nodes=2)


def test_an_agent_that_was_killed_adopts_what_runs(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment(3, 3))
        await fleet.until(lambda: fleet.seen_ready() == 3, within=6, what="three ready replicas")
        before = sorted(host.ready())
        for _ in range(20):
            await host.kill_agent()
            await asyncio.sleep(1)
            await host.start_agent()
            await fleet.until(lambda: sorted(host.ready()) == before, within=2, what="the same three, adopted")
        assert len(host.driver.starts) == 3
        await fleet.until(lambda: fleet.seen_ready() == 3, within=40, what="the control plane sees them")

    tell(story)


def test_a_replica_that_crashes_while_the_link_is_down_is_restarted(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        fleet.network.cut("n0")
        await asyncio.sleep(100)
        host.driver.crash(host.ready()[0])
        await fleet.until(lambda: host.ready() == [], within=1, what="the crash is seen")
        await fleet.until(lambda: len(host.ready()) == 1, within=10, what="the restart")

    tell(story)


def test_an_agent_started_with_no_control_plane_brings_up_its_last_desired_state(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        fleet.network.cut("n0")
        await host.kill_agent()
        host.driver.crash(host.driver.starts[0])  # the host was rebooted
        await host.start_agent()
        await fleet.until(lambda: len(host.ready()) == 1, within=10, what="the model serves again, offline")

    tell(story)


def test_a_deployment_deleted_while_the_node_was_away_stops_when_it_returns(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        fleet.network.cut("n0")
        await fleet.delete("chat")
        await fleet.holds(lambda: len(host.ready()) == 1, 120, "nothing stops by silence")
        fleet.network.heal("n0")
        await fleet.until(lambda: host.replicas() == [], within=30, what="the confirmed removal")

    tell(story)


def test_a_new_version_replaces_the_old_one_and_something_always_serves(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await fleet.apply(deployment())
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        old = host.ready()
        await fleet.apply(deployment(env={"NEW": "1"}))
        changed = fleet.until(lambda: bool(host.ready()) and host.ready() != old, within=20, what="the new one")
        served = fleet.holds(lambda: len(host.ready()) >= 1, 30, "something is ready")
        await asyncio.gather(changed, served)
        assert [report.revision for report in host.replicas()] == [2]

    tell(story)


def test_demand_scales_inside_the_budget_and_idleness_scales_to_zero(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        clock = asyncio.get_running_loop().time
        await fleet.apply(
            deployment(
                autoscale_config={
                    "min_replicas": 0,
                    "max_replicas": 3,
                    "scale_down_delay_seconds": 30,
                    "scale_to_zero_delay_seconds": 60,
                }
            )
        )
        await fleet.holds(lambda: host.replicas() == [], 10, "nothing runs without requests")
        host.relay.demands["chat"] = Demand(queued=100, last_request_at=clock())
        await fleet.until(lambda: len(host.ready()) == 3, within=10, what="the maximum")
        await fleet.holds(lambda: len(host.replicas()) == 3, 20, "never more than the maximum")
        host.relay.demands["chat"] = Demand(last_request_at=clock())
        await fleet.holds(lambda: len(host.ready()) == 3, 29, "the scale-down delay")
        await fleet.until(lambda: len(host.replicas()) <= 1, within=10, what="fewer")
        await fleet.until(lambda: host.replicas() == [], within=70, what="none")

    tell(story)
