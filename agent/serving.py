"""Keeps the relay's view equal to what is desired and what is ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from agent.drivers.driver import Handle
from agent.placement import DesiredState, Placement
from agent.reconcile.replica import Replica
from agent.relay.deployment import DeploymentRelay, Upstream
from homeport.core.autoscale.demand import Demand
from homeport.core.status import ReplicaStatus

# A drain without a request timeout ends here: nothing may keep a replica for ever.
_LONGEST_DRAIN_SECONDS = 3600.0


class Relay(Protocol):
    """What agent.relay offers to the rest of the agent."""

    on_demand: Callable[[str], None] | None

    def set_deployment(self, deployment: DeploymentRelay) -> None: ...

    def remove_deployment(self, deployment_id: str) -> None: ...

    def set_upstreams(self, deployment_id: str, upstreams: Sequence[Upstream]) -> None: ...

    def drain_upstream(self, deployment_id: str, replica_id: str) -> Awaitable[None]: ...

    def demand(self, deployment_id: str) -> Demand: ...

    def unavailable_reason(self, deployment_id: str, text: str) -> None: ...


class Serving:
    """Tells the relay only what has changed. `replicas` lists those of this node."""

    def __init__(self, relay: Relay, replicas: Callable[[], Iterable[Replica]]) -> None:
        self._relay = relay
        self._replicas = replicas
        self._deployments: dict[str, DeploymentRelay] = {}
        self._upstreams: dict[str, tuple[Upstream, ...]] = {}
        self._reasons: dict[str, str] = {}
        self._ending: set[str] = set()

    def set_desired(self, desired: DesiredState) -> None:
        """A deployment without a placement takes nothing new, and is gone once its last replica has drained."""
        placements: dict[str, list[Placement]] = {}
        for placement in desired.placements.values():
            placements.setdefault(placement.deployment_id, []).append(placement)
        deployments = {key: _merged(group) for key, group in placements.items()}
        for key in self._deployments.keys() - deployments.keys():
            deployments[key] = replace(self._deployments[key], min_replicas=0, max_replicas=0)
        for key, deployment in deployments.items():
            if self._deployments.get(key) != deployment:
                self._relay.set_deployment(deployment)
        self._deployments = deployments
        self._ending = deployments.keys() - placements.keys()
        for key in list(deployments):
            self._update(key)

    def replica_changed(self, replica: Replica) -> None:
        if replica.record.deployment_id in self._deployments:
            self._update(replica.record.deployment_id)

    async def drained(self, replica: Replica) -> None:
        """Ends when nothing is in flight on a replica that takes no new requests, or when waiting longer is no use."""
        deployment = self._deployments.get(replica.record.deployment_id)
        if deployment is None:
            return
        limit = deployment.request_timeout_seconds or _LONGEST_DRAIN_SECONDS
        try:
            async with asyncio.timeout(limit):
                await self._relay.drain_upstream(deployment.deployment_id, replica.replica_id)
        except TimeoutError:
            return

    def _update(self, deployment_id: str) -> None:
        mine = [replica for replica in self._replicas() if replica.record.deployment_id == deployment_id]
        if deployment_id in self._ending and not mine:
            self._end(deployment_id)
            return
        ready = tuple(
            _upstream(replica, replica.handle)
            for replica in mine
            if replica.handle is not None and (replica.serves or replica.unwell)
        )
        if self._upstreams.get(deployment_id) != ready:
            self._upstreams[deployment_id] = ready
            self._relay.set_upstreams(deployment_id, ready)
        failed = next((replica for replica in mine if replica.status is ReplicaStatus.FAILED), None)
        reason = f"replica failed: {failed.reason}" if failed and all(each.is_unwell for each in ready) else ""
        if self._reasons.get(deployment_id, "") != reason:
            self._reasons[deployment_id] = reason
            self._relay.unavailable_reason(deployment_id, reason)

    def _end(self, deployment_id: str) -> None:
        self._relay.remove_deployment(deployment_id)
        self._deployments.pop(deployment_id)
        self._upstreams.pop(deployment_id, None)
        self._reasons.pop(deployment_id, None)


def _upstream(replica: Replica, handle: Handle) -> Upstream:
    return Upstream(replica.replica_id, handle.host, handle.port, handle.grpc_port, bool(replica.unwell))


def _merged(placements: list[Placement]) -> DeploymentRelay:
    """One deployment's placements here as one: the newest revision's terms, the sum of the budgets, the best rank."""
    newest = max(placements, key=lambda p: (p.revision, p.placement_id))
    return DeploymentRelay(
        deployment_id=newest.deployment_id,
        revision=newest.revision,
        rank=min(p.rank for p in placements),
        min_replicas=sum(p.min_replicas for p in placements),
        max_replicas=sum(p.max_replicas for p in placements),
        concurrency=newest.workload.concurrency,
        hold_seconds=newest.policy.hold_seconds,
        hold_limit=newest.policy.hold_limit,
        request_timeout_seconds=newest.policy.request_timeout_seconds,
        served_model_name=newest.workload.served_model_name,
        balancing=newest.policy.balancing,
    )
