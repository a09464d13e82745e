"""What one round decides about one deployment: its plan, as changes to placement records. Pure."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.revisions import workload_of
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.node_lifecycle.absence import AbsenceTerms, Reconcile, original_stays, status_to
from homeport.core.placement.filter import reject
from homeport.core.placement.handover import Handover, Leaving, hand_over
from homeport.core.placement.plan import plan
from homeport.core.placement.types import Candidate, Plan, Wanted
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus
from homeport.schema.deployment import DeploymentSpec

# A fleet of thousands can have thousands of reasons: the status keeps the first ones.
_KEPT_REJECTIONS = 50
# Replicas that serve, or that may do so while nobody can tell.
_MAY_SERVE = frozenset({ReplicaStatus.READY, ReplicaStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a deployment's decision depends on beside itself: the nodes of its nodepools, what agents report of it, and
    which nodes there are at all. Without `may_lose` nobody who was there is given up."""

    candidates: Sequence[Candidate]
    replicas: Sequence[tuple[str, ReplicaReport]]
    nodes: Container[str]
    may_lose: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """`put` has the wanted spec of each placement by id, new ones included; `remove` are placement ids."""

    deployment: Record
    put: dict[str, dict[str, Any]]
    remove: tuple[str, ...]
    status: dict[str, Any]

    @property
    def is_moving(self) -> bool:
        """Replicas leave some node: how far that is depends on what agents report."""
        return bool(self.status["placement"]["leaving"])

    def changes_anything(self, current: Iterable[Record]) -> bool:
        before = {record.id: record.spec for record in current}
        return bool(self.remove) or self.put != before or self.status != self.deployment.status


def decide(
    deployment: Record,
    revision: Record,
    current: Sequence[Record],
    around: Surroundings,
    new_id: Callable[[], str],
) -> Decision:
    """`current` are the deployment's placements now.

    A node that holds a placement keeps the record, so its id is stable, and gets a new revision in place: the first
    form of a rollout, a plain replacement. Where a placement is not wanted any more it is kept until the others have
    taken over. That of a lost node is kept, too: it says what that node may be running, and by `replaced` that others
    have taken over meanwhile.
    """
    spec = DeploymentSpec.model_validate(deployment.spec)
    workload = workload_of(revision)
    terms = spec.on_disconnect.terms()
    by_node = {record.spec["node_id"]: record for record in sorted(current, key=_by_rank)}
    seen = {
        each.node_id: _as_seen(each, by_node.get(each.node_id), terms, around.may_lose) for each in around.candidates
    }
    absent = {id for id in by_node if id in seen and seen[id].status is NodeStatus.LOST}
    wanted = Wanted(
        deployment.id,
        workload.driver,
        workload.needs,
        spec.scaling(),
        tuple(nodepools_of(deployment.spec)),
        _incumbents(by_node, absent, terms, around.replicas),
        spec.residency,
        stays=terms.reconcile in (Reconcile.KEEP_REPLACEMENT, Reconcile.LONGEST_RUNNING),
    )
    planned = plan(wanted, list(seen.values()))
    planned_on = {budget.node_id for budget in planned.budgets}
    left = [id for id in by_node if id not in planned_on | absent and id in around.nodes]
    handover = _hand_over(planned, [(id, seen.get(id)) for id in left], wanted, seen, around.replicas)

    put: dict[str, dict[str, Any]] = {}
    number = int(deployment.status["revision"])
    for budget in handover.budgets:
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
    for kept in handover.kept:
        left_on = by_node[kept.node_id]
        bounds = {"min_replicas": kept.replicas, "max_replicas": kept.replicas}
        put[left_on.id] = {**left_on.spec, **bounds, "rank": len(put)}
    if wanted.scaling.max_replicas:
        mark = {"replaced": True} if planned.missing_max == 0 else {}
        for away in (record for id, record in by_node.items() if id in absent):
            unmarked = {key: value for key, value in away.spec.items() if key != "replaced"}
            put[away.id] = {**unmarked, "revision": number, "rank": len(put), **mark}
    status = {**deployment.status, "placement": _status(planned, handover)}
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


def _by_rank(placement: Record) -> tuple[int, str]:
    return placement.spec["rank"], placement.spec["node_id"]


def _as_seen(candidate: Candidate, held: Record | None, terms: AbsenceTerms, may_lose: bool) -> Candidate:
    """A node that others took over from is away until it is ready again: then it is decided once who stays."""
    if held is None:
        return candidate
    status = status_to(terms, candidate.status, candidate.silent_seconds, may_lose)
    if held.spec.get("replaced") and status is not NodeStatus.READY:
        status = NodeStatus.LOST
    return candidate if status is candidate.status else replace(candidate, status=status)


def _incumbents(
    by_node: dict[str, Record],
    absent: set[str],
    terms: AbsenceTerms,
    replicas: Sequence[tuple[str, ReplicaReport]],
) -> tuple[str, ...]:
    """Nodes that come first, since nothing is to move without need. Of nodes that came back, those that keep their
    place come before all others, and those that do not count as new."""
    here = [id for id in by_node if id not in absent]
    back = [id for id in here if by_node[id].spec.get("replaced")]
    if back and terms.reconcile is Reconcile.BEST_SCORE:
        return ()
    since: dict[str, float] = {}
    for node_id, report in replicas:
        if report.status is ReplicaStatus.READY:
            since[node_id] = min(report.since, since.get(node_id, report.since))
    return (*(id for id in back if original_stays(terms, since, id)), *(id for id in here if id not in back))


def _hand_over(
    planned: Plan,
    left: Sequence[tuple[str, Candidate | None]],
    wanted: Wanted,
    seen: dict[str, Candidate],
    replicas: Sequence[tuple[str, ReplicaReport]],
) -> Handover:
    """`left`: nodes that hold a budget and are not to, each with what is known of it; None = its nodepool is not one of
    the deployment's any more."""
    may_serve = Counter(node_id for node_id, report in replicas if report.status in _MAY_SERVE)
    ready = Counter(node_id for node_id, report in replicas if report.status is ReplicaStatus.READY)
    ready_there = sum(
        min(budget.max_replicas, ready[budget.node_id])
        for budget in planned.budgets
        if seen[budget.node_id].status is NodeStatus.READY
    )
    leaving = [Leaving(id, may_serve[id], node is not None and _must_go(node, wanted)) for id, node in left]
    return hand_over(planned.budgets, ready_there, leaving, wanted.scaling)


def _must_go(node: Candidate, wanted: Wanted) -> bool:
    """No replica may cross a fence for a while, and a forced drain does not wait."""
    why = reject(node, wanted)
    return node.forced or (why is not None and why.filter == "residency")


def _status(planned: Plan, handover: Handover) -> dict[str, Any]:
    """Reasons matter only while something has found no place."""
    short = planned.missing_min > 0 or planned.missing_max > 0
    rejections = planned.rejections[:_KEPT_REJECTIONS] if short else ()
    return {
        "rejections": canonical.to_plain(rejections),
        "missing_min": planned.missing_min,
        "missing_max": planned.missing_max,
        "leaving": canonical.to_plain(handover.kept),
    }
