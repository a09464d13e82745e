"""What one round decides about one deployment: its plan, as changes to placement records. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.revisions import workload_of
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.placement.plan import plan
from homeport.core.placement.types import Candidate, Plan, Wanted
from homeport.core.status import NodeStatus
from homeport.schema.deployment import DeploymentSpec

# A fleet of thousands can have thousands of reasons: the status keeps the first ones.
_KEPT_REJECTIONS = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """`put` has the wanted spec of each placement by id, new ones included; `remove` are placement ids."""

    deployment: Record
    put: dict[str, dict[str, Any]]
    remove: tuple[str, ...]
    status: dict[str, Any]

    def changes_anything(self, current: Iterable[Record]) -> bool:
        before = {record.id: record.spec for record in current}
        return bool(self.remove) or self.put != before or self.status != self.deployment.status


def decide(
    deployment: Record,
    revision: Record,
    current: Sequence[Record],
    candidates: Sequence[Candidate],
    new_id: Callable[[], str],
) -> Decision:
    """`current` are the deployment's placements now.

    A node that holds a placement keeps the record, so its id is stable, and gets a new revision in place: the first
    form of a rollout, a plain replacement. A lost node's placement goes when its budget found another place, and stays
    when it did not: then the node still serves what it can when it comes back.
    """
    spec = DeploymentSpec.model_validate(deployment.spec)
    workload = workload_of(revision)
    by_node = {record.spec["node_id"]: record for record in current}
    wanted = Wanted(
        deployment.id,
        workload.driver,
        workload.needs,
        spec.scaling(),
        tuple(nodepools_of(deployment.spec)),
        tuple(sorted(by_node, key=lambda node_id: (by_node[node_id].spec["rank"], node_id))),
        spec.residency,
    )
    planned = plan(wanted, candidates)
    number = int(deployment.status["revision"])
    put: dict[str, dict[str, Any]] = {}
    for budget in planned.budgets:
        held = by_node.get(budget.node_id)
        put[held.id if held else new_id()] = {
            "deployment_id": deployment.id,
            "node_id": budget.node_id,
            "revision": number,
            "rank": budget.rank,
            "min_replicas": budget.min_replicas,
            "max_replicas": budget.max_replicas,
            "devices": canonical.to_plain(budget.devices),
        }
    if planned.missing_max > 0:
        lost = {candidate.node_id for candidate in candidates if candidate.status is NodeStatus.LOST}
        put |= {r.id: {**r.spec, "revision": number} for r in current if r.spec["node_id"] in lost}
    status = {**deployment.status, "placement": _status(planned)}
    return Decision(deployment, put, tuple(record.id for record in current if record.id not in put), status)


def apply(tx: Transaction, decision: Decision) -> bool:
    """False when the deployment has changed or a node has gone since: the decision is stale, nothing is written."""
    seen = decision.deployment
    now = tx.get(Kind.DEPLOYMENT, seen.id)
    if now is None or (now.created_at, now.generation, now.status) != (seen.created_at, seen.generation, seen.status):
        return False
    if any(tx.get(Kind.NODE, spec["node_id"]) is None for spec in decision.put.values()):
        return False
    for id in decision.remove:
        if tx.get(Kind.PLACEMENT, id) is not None:
            tx.delete(Kind.PLACEMENT, id)
    for id, spec in decision.put.items():
        if tx.get(Kind.PLACEMENT, id) is None:
            tx.create(Kind.PLACEMENT, id, spec)
        else:
            tx.put_spec(Kind.PLACEMENT, id, spec)
    tx.put_status(Kind.DEPLOYMENT, seen.id, decision.status)
    return True


def _status(planned: Plan) -> dict[str, Any]:
    """Reasons matter only while something has found no place."""
    short = planned.missing_min > 0 or planned.missing_max > 0
    rejections = planned.rejections[:_KEPT_REJECTIONS] if short else ()
    return {
        "rejections": canonical.to_plain(rejections),
        "missing_min": planned.missing_min,
        "missing_max": planned.missing_max,
    }
