"""What one round decides about one deployment: its plan, as changes to placement records. Pure but for the fleet's
ledger, which holds what was decided last."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from controlplane.fleet.rebalance import move_of
from controlplane.fleet.schedulable import taken_by_placement
from controlplane.fleet.surroundings import Surroundings
from controlplane.fleet.tracks import whose
from controlplane.pipelines.acting import acting_on, numbered
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.node_lifecycle.absence import AbsenceTerms, Reconcile, original_stays, status_to
from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.handover import Handover, Kept, Leaving, hand_over
from homeport.core.placement.history import MOST_EVENTS, PlacementEvent, event_of, followed_by
from homeport.core.placement.place import place, taken_by_budgets
from homeport.core.placement.raises import raise_budgets
from homeport.core.placement.rejections import rejections
from homeport.core.placement.types import Held, Plan, Rejection, Wanted
from homeport.core.rebalance.steering import steered
from homeport.core.rebalance.types import Move
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus

# A fleet of thousands can have thousands of reasons: the status keeps the first ones.
_KEPT_REJECTIONS = 50
# Replicas that serve, or that may do so while nobody can tell.
_MAY_SERVE = frozenset({ReplicaStatus.READY, ReplicaStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Decision:
    """`put` has the wanted spec of each placement by id, new ones included; `remove` are placement ids.

    `settled`: it would be the same again until the deployment or a node that serves it changes.
    """

    deployment: Record
    put: dict[str, dict[str, Any]]
    remove: tuple[str, ...]
    status: dict[str, Any]
    settled: bool

    @property
    def is_moving(self) -> bool:
        """Replicas leave some node, or requests go over to some that start: how far that is depends on what agents
        report."""
        awaited = any(track["waits_for"] for track in self.status.get("tracks", {}).values())
        return awaited or bool(self.status["placement"]["leaving"])

    @property
    def awaited(self) -> list[str]:
        """Nodes that have not acknowledged yet that they were given less."""
        return [each["node_id"] for each in self.status["placement"]["unacked"]]

    @property
    def is_calm(self) -> bool:
        """Neither time nor what agents say could change it."""
        replaced = any(spec.get("replaced") for spec in self.put.values())
        return not (self.is_moving or self.awaited or replaced)

    def changes_anything(self, current: Iterable[Record]) -> bool:
        before = {record.id: record.spec for record in current}
        return bool(self.remove) or self.put != before or self.status != self.deployment.status


def decide(
    deployment: Record,
    current: Sequence[Record],
    terms: AbsenceTerms,
    want: Callable[[tuple[Held, ...]], Wanted],
    around: Surroundings,
    new_id: Callable[[], str],
) -> Decision:
    """`current` are the deployment's placements now; `want` says what it wants of those that it keeps.

    A node that holds a placement keeps the record, so its id is stable, and gets a new revision in place: the first
    form of a rollout, a plain replacement. Where a placement is not wanted any more it is kept until the others have
    taken over. That of a lost node is kept, too: it says what that node may be running, and by `replaced` that others
    have taken over meanwhile.
    """
    fleet = around.fleet
    by_node = {record.spec["node_id"]: record for record in sorted(current, key=_by_rank)}
    seen = {id: _status_seen(record, terms, around) for id, record in by_node.items() if fleet.get(id) is not None}
    absent = {id for id, status in seen.items() if status is NodeStatus.LOST}
    incumbents = _incumbents(by_node, absent, terms, around.replicas)
    holds = tuple(Held(id, by_node[id].spec["max_replicas"], seen[id]) for id in incumbents if id in seen)
    wanted, planned = _planned(want, holds, move_of(deployment), fleet)
    planned_on = {budget.node_id for budget in planned.budgets}
    left = [by_node[id] for id in by_node if id not in planned_on | absent and id in seen]
    handover = _hand_over(planned, left, wanted, seen, around)
    given = {id: by_node[id].spec["max_replicas"] for id in seen}
    acting = acting_on(deployment, given, around, partial(_is_away, seen=seen, terms=terms, around=around))
    kept_on = {kept.node_id: _keeps(kept, by_node, around) for kept in handover.kept}
    raised = raise_budgets(handover.budgets, acting.here, given, kept_on, wanted.scaling.max_replicas)

    put: dict[str, dict[str, Any]] = {}
    number = int(deployment.status["revision"])
    for budget in raised.budgets:
        held = by_node.get(budget.node_id)
        put[held.id if held else new_id()] = {
            **whose(deployment.id),
            "node_id": budget.node_id,
            "revision": number,
            "rank": budget.rank,
            "min_replicas": budget.min_replicas,
            "max_replicas": budget.max_replicas,
            "devices": canonical.to_plain(budget.devices),
        }
    for id, most in kept_on.items():
        least = most if around.is_heard(id) else by_node[id].spec["min_replicas"]
        put[by_node[id].id] = {
            **by_node[id].spec,
            "min_replicas": least,
            "max_replicas": most,
            "rank": len(put),
        }
    if wanted.scaling.max_replicas:
        mark = {"replaced": True} if planned.missing_max == 0 else {}
        for away in (record for id, record in by_node.items() if id in absent):
            unmarked = {key: value for key, value in away.spec.items() if key != "replaced"}
            put[away.id] = {**unmarked, "revision": number, "rank": len(put), **mark}
    _reserve(fleet, wanted, planned, handover, put.values())
    giving = {spec["node_id"]: spec["max_replicas"] for spec in put.values()}
    placement = _status(planned, handover, rejections(wanted, fleet, planned))
    events = _events(deployment, wanted, planned, placement, around)
    open_now = {"withheld": raised.withheld, **acting.status(giving)}
    status = {**deployment.status, "placement": {**placement, **open_now, "events": events}}
    remove = tuple(record.id for record in current if record.id not in put)
    return Decision(deployment, put, remove, status, planned.settled)


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
    tx.put_status(Kind.DEPLOYMENT, seen.id, numbered(decision.status, tx.seq))
    return True


def _by_rank(placement: Record) -> tuple[int, str]:
    return placement.spec["rank"], placement.spec["node_id"]


def _status_seen(held: Record, terms: AbsenceTerms, around: Surroundings) -> NodeStatus:
    """How the node stands to the deployment. One that others took over from is away until it is ready again: then it is
    decided once who stays."""
    node_id = held.spec["node_id"]
    general = around.fleet.node(node_id).status
    status = status_to(terms, general, around.silent_seconds(node_id), around.may_lose)
    return NodeStatus.LOST if held.spec.get("replaced") and status is not NodeStatus.READY else status


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
    planned: Plan, left: Sequence[Record], wanted: Wanted, seen: Mapping[str, NodeStatus], around: Surroundings
) -> Handover:
    """`left`: placements on nodes that are not to have any. One of a node that is not heard yet counts as it stands."""
    may_serve = Counter(node_id for node_id, report in around.replicas if report.status in _MAY_SERVE)
    ready = Counter(node_id for node_id, report in around.replicas if report.status is ReplicaStatus.READY)
    ready_there = sum(
        min(budget.max_replicas, ready[budget.node_id])
        for budget in planned.budgets
        if seen.get(budget.node_id, NodeStatus.READY) is NodeStatus.READY
    )
    leaving = []
    for placement in left:
        id = placement.spec["node_id"]
        heard = around.is_heard(id)
        serving = may_serve[id] if heard else placement.spec["min_replicas"]
        leaving.append(Leaving(id, serving, at_once=_must_go(id, wanted, planned, around), unheard=not heard))
    return hand_over(planned.budgets, ready_there, leaving, wanted.scaling)


def _must_go(node_id: str, wanted: Wanted, planned: Plan, around: Surroundings) -> bool:
    """No replica may cross a fence for a while, a forced drain does not wait, and nor does one of higher priority where
    nothing else has room."""
    held = next((held for held in wanted.held if held.node_id == node_id), None)
    why = bar(around.fleet.node(node_id), wanted, held)
    nowhere = node_id in wanted.evicted and planned.missing_min > 0
    return around.is_forced(node_id) or nowhere or (why is not None and why.filter == "residency")


def _reserve(fleet: Fleet, wanted: Wanted, planned: Plan, handover: Handover, specs: Iterable[dict[str, Any]]) -> None:
    """Beside what the plan takes: what takes over must be there, and what is on its way elsewhere, or away, goes on
    taking what it has."""
    planned_on = {budget.node_id for budget in planned.budgets}
    rest = {
        spec["node_id"]: taken_by_placement(spec, wanted.needs) for spec in specs if spec["node_id"] not in planned_on
    }
    if handover.budgets != planned.budgets:
        rest |= taken_by_budgets(wanted.needs, handover.budgets)
    if rest:
        fleet.take(wanted.deployment_id, {**fleet.taken(wanted.deployment_id), **rest})


def _is_away(node_id: str, seen: Mapping[str, NodeStatus], terms: AbsenceTerms, around: Surroundings) -> bool:
    """Whether others need not wait for what it acknowledges: it is lost, or silent and given up by a person."""
    general = around.fleet.node(node_id).status
    status = seen.get(node_id) or status_to(terms, general, around.silent_seconds(node_id), around.may_lose)
    return status is NodeStatus.LOST or (status is NodeStatus.DISCONNECTED and around.is_forced(node_id))


def _planned(
    want: Callable[[tuple[Held, ...]], Wanted], held: tuple[Held, ...], move: Move | None, fleet: Fleet
) -> tuple[Wanted, Plan]:
    """A rebalance may want it elsewhere; where that fails it stays where it is."""
    as_it_is = want(held)
    if move is not None:
        moved = want(steered(held, move, as_it_is, fleet))
        planned = place(moved, fleet)
        if any(budget.node_id == move.to_node for budget in planned.budgets):
            return moved, planned
    return as_it_is, place(as_it_is, fleet)


def _keeps(kept: Kept, by_node: Mapping[str, Record], around: Surroundings) -> int:
    """Of a node that is not heard yet nobody knows how many serve there."""
    most: int = by_node[kept.node_id].spec["max_replicas"]
    return kept.replicas if around.is_heard(kept.node_id) else most


def _events(
    deployment: Record, wanted: Wanted, planned: Plan, placement: Mapping[str, Any], around: Surroundings
) -> Any:
    before: list[Any] = deployment.status.get("placement", {}).get("events", [])
    names = [around.fleet.node(budget.node_id).name for budget in planned.budgets]
    event = event_of(wanted, planned, names, [Rejection(**each) for each in placement["rejections"]], around.now)
    newest = canonical.from_plain(tuple[PlacementEvent, ...], before[-1:])
    return [*before[:-1], *canonical.to_plain(followed_by(newest, event))][-MOST_EVENTS:]


def _status(planned: Plan, handover: Handover, reasons: Iterator[Rejection]) -> dict[str, Any]:
    """Reasons matter only while something has found no place."""
    short = planned.missing_min > 0 or planned.missing_max > 0
    return {
        "rejections": canonical.to_plain(list(islice(reasons, _KEPT_REJECTIONS if short else 0))),
        "missing_min": planned.missing_min,
        "missing_max": planned.missing_max,
        "leaving": canonical.to_plain(handover.kept),
    }
