"""Moving a few replicas so that more find a place."""

from collections.abc import Sequence
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route, somewhere
from controlplane.auth.guard import Guard
from controlplane.auth.places import place_of
from controlplane.fleet.rebalance import (
    LAST,
    Rebalance,
    is_over,
    rebalance_of,
    start_rebalance,
    steps_of,
    stop_rebalance,
)
from controlplane.fleet.references import missing
from controlplane.pipelines.rebalance_plan import plan_rebalance
from controlplane.store.store import Kind, Record
from homeport.core.access.permission import Permission
from homeport.core.access.scope import Place
from homeport.core.errors import ErrorCode
from homeport.core.rebalance.figures import Figures
from homeport.core.rebalance.steps import Step, Terms, outcome
from homeport.core.rebalance.types import Clearing
from homeport.schema.edits import EmptyRequest
from homeport.schema.rebalance import LastRebalance, RebalanceRequest
from homeport.schema.rebalance import Rebalance as RebalanceAnswer

_TAG = "nodes"


class Rebalancing:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/rebalance", self.start, _TAG,
                  "Move a few replicas so that what waits finds room and whole GPUs and nodes are free again",
                  body=RebalanceRequest, root="rebalance", response=RebalanceAnswer,
                  permission=Permission.NODES_WRITE, at=somewhere,
                  errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)),
            Route("GET", "/rebalance", self.last, _TAG, "How far the last rebalance is", response=LastRebalance,
                  permission=Permission.NODES_READ, at=somewhere),
            Route("POST", "/rebalance/stop", self.stop, _TAG, "Begin no more moves; those under way are ended",
                  body=EmptyRequest, response=RebalanceAnswer, permission=Permission.NODES_WRITE, at=somewhere,
                  errors=(ErrorCode.CONFLICT,)),
        ]  # fmt: skip

    async def start(self, call: Call) -> Answer:
        wanted: RebalanceRequest = call.body
        pools = self._pools(wanted)
        self._must_hold(call.guard, Permission.NODES_WRITE, pools if wanted.cluster else ())
        now = self._registry.wall_now()
        terms = Terms(wanted.at_once, wanted.move_seconds, now + wanted.deadline_seconds)
        plan = await plan_rebalance(self._store, self._registry, pools, wanted.max_moves_percent, terms, now)
        if wanted.dry_run:
            return self._shown(call.guard, plan, [Step(move) for move in plan.moves], "proposed")
        return self._record(call.guard, await self._store.write(lambda tx: start_rebalance(tx, plan)))

    async def last(self, call: Call) -> Answer:
        record = self._store.get(Kind.REBALANCE, LAST)
        if record is None:
            return {"rebalance": None}
        self._must_hold(call.guard, Permission.NODES_READ, rebalance_of(record).pools)
        return {"rebalance": self._record(call.guard, record)}

    async def stop(self, call: Call) -> Answer:
        record = self._store.get(Kind.REBALANCE, LAST)
        if record is not None:
            self._must_hold(call.guard, Permission.NODES_WRITE, rebalance_of(record).pools)
        return self._record(call.guard, await self._store.write(stop_rebalance))

    def _pools(self, wanted: RebalanceRequest) -> tuple[str, ...]:
        """Raises NOT_FOUND."""
        keys = [record.id for record in self._store.all(Kind.NODEPOOL)]
        if not wanted.cluster:
            return tuple(keys)
        clusters = [record.id for record in self._store.all(Kind.CLUSTER)]
        if wanted.cluster not in clusters:
            raise missing(Kind.CLUSTER, wanted.cluster, clusters)
        if not wanted.nodepool:
            return tuple(key for key in keys if key.startswith(f"{wanted.cluster}/"))
        key = f"{wanted.cluster}/{wanted.nodepool}"
        if key not in keys:
            raise missing(Kind.NODEPOOL, key, keys)
        return (key,)

    def _must_hold(self, guard: Guard, permission: Permission, pools: tuple[str, ...]) -> None:
        """Of each nodepool; of the organisation for all of them. Raises PERMISSION_DENIED."""
        if not pools:
            guard.must_hold(permission, Place())
        for key in pools:
            record = self._store.get(Kind.NODEPOOL, key)
            if record is not None:
                guard.must_hold(permission, place_of(self._store, Kind.NODEPOOL, key, record.spec))

    def _record(self, guard: Guard, record: Record) -> dict[str, Any]:
        rebalance, steps = rebalance_of(record), steps_of(record)
        state = outcome(steps, rebalance.terms).value if is_over(record) else "running"
        return self._shown(guard, rebalance, steps, state)

    def _shown(self, guard: Guard, rebalance: Rebalance, steps: Sequence[Step], state: str) -> dict[str, Any]:
        seen = {record.id for record in guard.seen(self._store, self._store.all(Kind.DEPLOYMENT))}
        names = {each.id: each.spec["name"] for each in self._store.all(Kind.NODE)}
        left = iter(steps)
        return {
            "state": state,
            "nodepools": list(rebalance.pools),
            "replicas": rebalance.replicas,
            "may_move": rebalance.most,
            "started_at": rebalance.started_at,
            "deadline_at": rebalance.terms.deadline_at,
            "before": _figures(rebalance.before),
            "after": _figures(rebalance.after),
            "clearings": [
                _clearing(each, [next(left) for _ in each.moves], seen, names) for each in rebalance.clearings
            ],
        }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "nodes": figures.nodes,
        "free_nodes": figures.free_nodes,
        "gpus": figures.gpus,
        "free_gpus": figures.free_gpus,
        "unallocated_percent": round(figures.unallocated_percent, 2),
        "fragmentation_percent": round(figures.fragmentation_percent, 2),
    }


def _clearing(clearing: Clearing, steps: list[Step], seen: set[str], names: dict[str, str]) -> dict[str, Any]:
    shown = [step for step in steps if step.move.deployment_id in seen]
    return {
        "aim": clearing.aim.value,
        "node_id": clearing.node_id,
        "node_name": names.get(clearing.node_id, clearing.node_id),
        "deployment_id": clearing.deployment_id if clearing.deployment_id in seen else "",
        "gpus": clearing.gpus,
        "nodes": clearing.nodes,
        "moves": [_move(step, names) for step in shown],
        "hidden": len(steps) - len(shown),
    }


def _move(step: Step, names: dict[str, str]) -> dict[str, Any]:
    move = step.move
    return {
        "deployment_id": move.deployment_id,
        "from_node_id": move.from_node,
        "from_node_name": names.get(move.from_node, move.from_node),
        "to_node_id": move.to_node,
        "to_node_name": names.get(move.to_node, move.to_node),
        "replicas": move.replicas,
        "state": step.state.value,
        "since": step.since,
        "reason": step.reason,
    }
