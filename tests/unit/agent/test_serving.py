"""What the relay is told, and when."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from agent.drivers.driver import Handle
from agent.placement import DesiredState, Placement, Version
from agent.reconcile.replica import Replica
from agent.relay.deployment import DeploymentRelay, Upstream
from agent.serving import Serving
from homeport.core.autoscale.demand import Demand
from homeport.core.policy import Policy
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload

PLACEMENT = Placement(
    "p", "chat", 1, 2, 1, 3, Workload("process", concurrency=7), "h", Policy(request_timeout_seconds=9)
)


class WritingRelay:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.on_demand: Callable[[str], None] | None = None
        self.idle = asyncio.Event()

    def set_deployment(self, deployment: DeploymentRelay) -> None:
        self.told.append(("set", deployment.revision, deployment.min_replicas, deployment.max_replicas))

    def remove_deployment(self, deployment_id: str) -> None:
        self.told.append(("remove", deployment_id))

    def set_upstreams(self, deployment_id: str, upstreams: Sequence[Upstream]) -> None:
        self.told.append(
            ("upstreams", *[upstream.replica_id + " unwell" * upstream.is_unwell for upstream in upstreams])
        )

    async def drain_upstream(self, deployment_id: str, replica_id: str) -> None:
        self.told.append(("drain", replica_id))
        await self.idle.wait()

    def demand(self, deployment_id: str) -> Demand:
        return Demand()

    def unavailable_reason(self, deployment_id: str, text: str) -> None:
        self.told.append(("reason", text))

    def take(self) -> list[tuple[Any, ...]]:
        told, self.told = self.told, []
        return told


def _replica(replica_id: str, status: ReplicaStatus, reason: str = "") -> Replica:
    record = SimpleNamespace(deployment_id="chat", placement_id="p")
    handle = Handle("process", 1, "127.0.0.1", 1234)
    serves = status is ReplicaStatus.READY
    fake = SimpleNamespace(
        replica_id=replica_id, status=status, reason=reason, record=record, handle=handle, serves=serves, unwell=""
    )
    return cast(Replica, fake)


def _state(*placements: Placement) -> DesiredState:
    return DesiredState(Version("s", 1), {p.placement_id: p for p in placements})


class TestServing:
    def setup_method(self) -> None:
        self.relay = WritingRelay()
        self.replicas: list[Replica] = []
        self.serving = Serving(self.relay, lambda: self.replicas)

    def test_a_deployment_is_served_as_soon_as_it_is_desired(self) -> None:
        self.serving.set_desired(_state(PLACEMENT))
        assert self.relay.take() == [("set", 1, 1, 3), ("upstreams",)]
        self.serving.set_desired(_state(PLACEMENT))
        assert self.relay.take() == []

    def test_upstreams_are_the_ready_ones(self) -> None:
        self.replicas = [_replica("a", ReplicaStatus.STARTING)]
        self.serving.set_desired(_state(PLACEMENT))
        self.relay.take()
        self.replicas = [_replica("a", ReplicaStatus.READY), _replica("b", ReplicaStatus.DRAINING)]
        self.serving.replica_changed(self.replicas[0])
        self.serving.replica_changed(self.replicas[1])
        assert self.relay.take() == [("upstreams", "a")]

    def test_who_is_unwell_stays_and_is_told_to_be_so(self) -> None:
        self.serving.set_desired(_state(PLACEMENT))
        self.replicas = [_replica("a", ReplicaStatus.READY)]
        self.serving.replica_changed(self.replicas[0])
        self.relay.take()
        self.replicas[0].unwell = "health check fails"
        self.serving.replica_changed(self.replicas[0])
        assert self.relay.take() == [("upstreams", "a unwell")]

    def test_why_nothing_is_ready(self) -> None:
        self.serving.set_desired(_state(PLACEMENT))
        self.relay.take()
        self.replicas = [_replica("a", ReplicaStatus.FAILED, "exit code 1: no weights")]
        self.serving.replica_changed(self.replicas[0])
        assert self.relay.take() == [("reason", "replica failed: exit code 1: no weights")]
        self.replicas = [_replica("a", ReplicaStatus.READY)]
        self.serving.replica_changed(self.replicas[0])
        assert self.relay.take() == [("upstreams", "a"), ("reason", "")]

    def test_a_removed_deployment_takes_nothing_new_and_ends_with_its_last_replica(self) -> None:
        self.replicas = [_replica("a", ReplicaStatus.READY)]
        self.serving.set_desired(_state(PLACEMENT))
        self.relay.take()
        self.replicas = [_replica("a", ReplicaStatus.DRAINING)]
        self.serving.set_desired(_state())
        assert self.relay.take() == [("set", 1, 0, 0), ("upstreams",)]
        last = self.replicas.pop()
        self.serving.replica_changed(last)
        assert self.relay.take() == [("remove", "chat")]

    def test_a_removed_deployment_may_come_back(self) -> None:
        self.serving.set_desired(_state(PLACEMENT))
        self.serving.set_desired(_state())
        self.serving.set_desired(_state(PLACEMENT))
        assert self.relay.take()[-2:] == [("set", 1, 1, 3), ("upstreams",)]

    def test_two_revisions_are_one_deployment(self) -> None:
        newer = replace(PLACEMENT, placement_id="q", revision=2, max_replicas=1)
        self.serving.set_desired(_state(PLACEMENT, newer))
        assert self.relay.take()[0] == ("set", 2, 2, 4)

    async def test_draining_waits_for_the_requests(self) -> None:
        self.serving.set_desired(_state(PLACEMENT))
        draining = asyncio.create_task(self.serving.drained(_replica("a", ReplicaStatus.DRAINING)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not draining.done()
        self.relay.idle.set()
        async with asyncio.timeout(60):
            await draining

    async def test_draining_ends_with_the_request_timeout(self) -> None:
        brief = replace(PLACEMENT, policy=Policy(request_timeout_seconds=0.01))
        self.serving.set_desired(_state(brief))
        async with asyncio.timeout(60):
            await self.serving.drained(_replica("a", ReplicaStatus.DRAINING))
