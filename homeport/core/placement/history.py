"""What became of a deployment's wish for a place, change after change, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeport.core.placement.types import Plan, Rejection, Wanted

# Of one deployment; older ones are forgotten.
MOST_EVENTS = 10


@dataclass(frozen=True, slots=True)
class PlacementEvent:
    """`at` is unix seconds. `verdict` is placed, partly, pending or stopped, where `where` are its nodes by rank; or
    evicts and evicted, of which `where` is the one."""

    at: float
    verdict: str
    where: tuple[str, ...]
    text: str


def verdict_of(wanted: Wanted, plan: Plan) -> str:
    if wanted.scaling.max_replicas == 0:
        return "stopped"
    if plan.missing_max == 0:
        return "placed"
    return "partly" if plan.budgets else "pending"


def event_of(
    wanted: Wanted, plan: Plan, names: Sequence[str], rejections: Sequence[Rejection], at: float
) -> PlacementEvent:
    """`names` are those of the plan's nodes, `rejections` the first ones of the others."""
    verdict, most = verdict_of(wanted, plan), wanted.scaling.max_replicas
    where = tuple(f"{name} ({budget.max_replicas})" for name, budget in zip(names, plan.budgets, strict=True))
    on = ", ".join(where)
    text = {
        "stopped": "it may have no replica",
        "placed": f"up to {most} replicas: {on}",
        "partly": f"up to {most - plan.missing_max} of {most} replicas: {on}; {_first_of(rejections)}",
        "pending": _first_of(rejections),
    }[verdict]
    return PlacementEvent(at, verdict, where, text)


def evictions(id: str, by: str, node: str, at: float) -> tuple[PlacementEvent, PlacementEvent]:
    """For the one that takes the room, and for the one that has to leave. Names, but for `at`."""
    return (
        PlacementEvent(at, "evicts", (node,), f"evicts {id} on {node}, which has a lower priority"),
        PlacementEvent(at, "evicted", (node,), f"it leaves {node} to {by}, which has a higher priority"),
    )


def followed_by(events: Sequence[PlacementEvent], event: PlacementEvent) -> tuple[PlacementEvent, ...]:
    """The newest is last. While it stays what it is, only its numbers are brought up to date."""
    if events and (events[-1].verdict, events[-1].where) == (event.verdict, event.where):
        return (*events[:-1], replace(events[-1], text=event.text))
    return (*events, event)[-MOST_EVENTS:]


def _first_of(rejections: Sequence[Rejection]) -> str:
    if not rejections:
        return "its nodepools have no other node"
    more = f" (and {len(rejections) - 1} more nodes)" if len(rejections) > 1 else ""
    return f"{rejections[0]}{more}"
