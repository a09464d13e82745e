"""Revisions of one deployment side by side, told in seconds of a virtual clock."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from controlplane.fleet.splitting import promote, rollback, split_deployment
from controlplane.gateway.policies import GatewayPolicies
from controlplane.store.store import Kind
from homeport.core.status import ReplicaStatus
from homeport.gateway.balancing.branches import choose
from homeport.gateway.balancing.presence import NodeRoute
from homeport.gateway.routing.routes import PolicyTable
from homeport.schema.edits import RevisionRequest, SplitRequest
from homeport.schema.traffic_split import TrafficShare
from tests.fleet.fleet import Fleet, deployment

ID = "chat"


def ready(fleet: Fleet) -> Counter[int]:
    """By revision: replicas that are ready on the nodes."""
    reports = (report for host in fleet.hosts for report in host.replicas())
    return Counter(report.revision for report in reports if report.status is ReplicaStatus.READY)


def divided(fleet: Fleet) -> dict[int, int]:
    """Revision to percent, as gateways do now."""
    record = fleet.plane.store.get(Kind.DEPLOYMENT, ID)
    assert record is not None
    return {share["revision"]: share["percent"] for share in record.status.get("traffic_split", ())}


class Front:
    """A gateway's choice: it knows the routes, and which tracks are ready where."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.table = PolicyTable()
        self.policies = GatewayPolicies(fleet.plane.store, self.table)
        self.rng = Random(4)

    def look(self, track: str) -> list[NodeRoute]:
        policy = self.table.get(track)
        found = []
        for node_id, terms in policy.placements.items() if policy is not None else ():
            host = next(host for host in self.fleet.hosts if host.node_id == node_id)
            route = NodeRoute(node_id)
            route.rank, route.min_replicas, route.max_replicas = terms
            route.ready_replicas = len(host.relay.upstreams.get(track, ()))
            found.append(route)
        return found

    def serve(self, requests: int) -> Counter[int]:
        """By revision: who has served them. All of them are served at once."""
        self.policies.load()
        served: Counter[int] = Counter()
        for _ in range(requests):
            branch = choose(self.table.branches(ID), self.look, self.rng.random())
            assert branch is not None
            assert any(route.ready_replicas for route in self.look(branch.policy.deployment_id)), branch.revision
            served[branch.revision] += 1
        return served


async def split(fleet: Fleet, shares: dict[int, int]) -> None:
    listed = [TrafficShare(revision=revision, percent=percent) for revision, percent in shares.items()]
    await fleet.plane.store.write(lambda tx: split_deployment(tx, ID, SplitRequest(traffic_split=listed)))


async def two_revisions(fleet: Fleet, least: int, most: int) -> None:
    """The first has all requests; the second was made since, and runs nowhere."""
    await fleet.apply(deployment(least, most))
    await fleet.until(lambda: ready(fleet) == {1: least}, within=20, what="the first revision")
    await split(fleet, {1: 100})
    await fleet.apply(deployment(least, most, env={"NEW": "1"}, traffic_split=[{"revision": 1, "percent": 100}]))


async def always_served(fleet: Fleet, seconds: float) -> None:
    """Whoever has requests has something ready."""
    await fleet.holds(
        lambda: all(ready(fleet)[revision] for revision, percent in divided(fleet).items() if percent),
        seconds,
        "each revision that has requests serves",
    )


def test_an_edit_while_traffic_is_divided_changes_nothing_until_the_new_revision_is_given_a_share(
    tell: Callable[..., None],
) -> None:
    async def story(fleet: Fleet) -> None:
        await two_revisions(fleet, 2, 10)
        await fleet.holds(lambda: ready(fleet) == {1: 2} and divided(fleet) in ({}, {1: 100}), 60, "as it was")

        await split(fleet, {1: 90, 2: 10})
        waited = fleet.until(lambda: divided(fleet) == {1: 90, 2: 10}, within=30, what="divided")
        await asyncio.gather(waited, always_served(fleet, 40))
        assert ready(fleet) == {1: 2, 2: 1}
        placements = fleet.plane.store.all(Kind.PLACEMENT)
        assert {p.spec["revision"]: p.spec.get("track", "") for p in placements} == {1: "", 2: "chat@1"}

        front = Front(fleet)
        # A standard deviation is 30.
        assert abs(front.serve(10_000)[2] - 1000) <= 150
        await fleet.plane.kill()
        await fleet.holds(lambda: front.serve(20).total() == 20, 120, "without a control plane, too")
        fleet.plane.start()

    tell(story, nodes=2)


def test_a_promotion_waits_for_what_takes_over_and_survives_restarts(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await two_revisions(fleet, 3, 6)
        await split(fleet, {1: 90, 2: 10})
        await fleet.until(lambda: divided(fleet) == {1: 90, 2: 10}, within=30, what="divided")
        await fleet.hosts[0].kill_agent()
        await fleet.hosts[0].start_agent()
        front = Front(fleet)
        await fleet.plane.store.write(lambda tx: promote(tx, ID, RevisionRequest()))
        await fleet.restart_plane(3)
        waited = fleet.until(lambda: ready(fleet) == {2: 3}, within=60, what="the second alone")
        served = fleet.holds(lambda: front.serve(20).total() == 20, 60, "every request is served at once")
        await asyncio.gather(waited, served, always_served(fleet, 60))
        assert divided(fleet) == {2: 100}
        assert front.serve(20) == {2: 20}
        await fleet.plane.store.write(lambda tx: rollback(tx, ID, RevisionRequest()))
        waited = fleet.until(lambda: ready(fleet) == {1: 3}, within=60, what="the first alone")
        served = fleet.holds(lambda: front.serve(20).total() == 20, 60, "every request is served at once")
        await asyncio.gather(waited, served, always_served(fleet, 60))
        assert divided(fleet) == {1: 100}

    tell(story, nodes=2)


def test_what_cannot_get_ready_gets_no_requests_and_takes_none_from_others(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await two_revisions(fleet, 1, 2)
        nowhere = {"cpu_limit": "4000"}
        await fleet.apply(deployment(1, 2, traffic_split=[{"revision": 1, "percent": 100}], compute_info=nowhere))
        await fleet.plane.store.write(lambda tx: promote(tx, ID, RevisionRequest()))
        await fleet.holds(lambda: ready(fleet) == {1: 1}, 120, "the first serves on")
        assert divided(fleet) in ({}, {1: 100})
        await fleet.plane.store.write(lambda tx: rollback(tx, ID, RevisionRequest(revision=2)))
        await fleet.until(lambda: ready(fleet) == {2: 1}, within=60, what="the second")

    tell(story, nodes=2)


def test_what_ran_nowhere_is_not_waited_for(tell: Callable[..., None]) -> None:
    """Scaled to zero, a division holds at once: the first request starts what it needs."""

    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(0, 4))
        await fleet.apply(deployment(0, 4, env={"NEW": "1"}))
        await split(fleet, {1: 50, 2: 50})
        await fleet.until(lambda: divided(fleet) == {1: 50, 2: 50}, within=10, what="divided")
        assert ready(fleet) == {}

    tell(story, nodes=2)


def test_without_a_division_again_the_one_that_is_left_moves_to_the_newest_in_its_place(
    tell: Callable[..., None],
) -> None:
    async def story(fleet: Fleet) -> None:
        await two_revisions(fleet, 1, 2)
        await split(fleet, {2: 100})
        await fleet.until(lambda: ready(fleet) == {2: 1}, within=60, what="the second alone")
        await split(fleet, {})
        await fleet.apply(deployment(1, 2, env={"NEWER": "1"}))
        waited = fleet.until(lambda: ready(fleet) == {3: 1}, within=60, what="the third alone")
        await asyncio.gather(waited, fleet.holds(lambda: bool(ready(fleet)), 60, "something serves"))

    tell(story, nodes=2)


def test_a_node_that_goes_leaves_each_revision_with_what_it_needs(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await two_revisions(fleet, 1, 2)
        await split(fleet, {1: 50, 2: 50})
        await fleet.until(lambda: ready(fleet) == {1: 1, 2: 1}, within=30, what="both")
        node = next(p.spec["node_id"] for p in fleet.plane.store.all(Kind.PLACEMENT) if p.spec["revision"] == 2)
        fleet.network.cut(node)
        elsewhere = [host for host in fleet.hosts if host.node_id != node]
        await fleet.until(
            lambda: {r.revision for host in elsewhere for r in host.replicas()} == {1, 2},
            within=90,
            what="both elsewhere",
        )
        fleet.network.heal(node)
        await fleet.until(lambda: ready(fleet) == {1: 1, 2: 1}, within=90, what="one of each again")

    tell(story, nodes=3)
