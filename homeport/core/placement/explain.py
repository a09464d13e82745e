"""Why a deployment is where it is, why not elsewhere, and what would change that: by the decision that places it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from homeport.core.placement.filter import shape_of
from homeport.core.placement.fixes import Fix, fixes_for, other_devices
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import trial
from homeport.core.placement.preferences import favours
from homeport.core.placement.rejections import reasons
from homeport.core.placement.types import Budget, Candidate, Plan, Rejection, Wanted

# Fixes that are told, the nearest first.
_MOST_FIXES = 5


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """Of one node in the deployment's nodepools.

    `budget` is what it has, or would have, of the deployment. `cost` is what the first replica there takes of what the
    fleet is good for, in devices: of nodes in one tier the cheapest comes first; None = none fits beside what others
    may have. `favours` are what speaks for it beside that. `claimed` is how many times over the scarcest of what it has
    is claimed by maxima. `reasons`, all of them, are why it takes no (more) replica.
    """

    node: Candidate
    tier: int
    budget: Budget | None
    cost: float | None
    favours: tuple[str, ...]
    claimed: float
    reasons: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`nodes`: those with a budget by rank, then those that fit, the best first, then those that do not, the nearest
    first. `filtered` counts the reasons of the last by filter."""

    plan: Plan
    nodes: tuple[NodeAnswer, ...]
    filtered: dict[str, int]
    fixes: tuple[Fix, ...]
    summary: str


def explain(wanted: Wanted, fleet: Fleet) -> Explanation:
    """The fleet stays as it is. What it holds for the deployment counts as free for the costs, and as taken for the
    reasons."""
    plan = trial(wanted, fleet)
    before = fleet.taken(wanted.deployment_id)
    fleet.release(wanted.deployment_id)
    fitting = fleet.packer.fit(shape_of(wanted.needs))
    costs = {node.node_id: fitting.cost(node.node_id) for node in fleet.in_pools(wanted.nodepools)}
    fleet.take(wanted.deployment_id, before)
    nodes = _answers(wanted, fleet, plan, costs)
    unplaced = [answer for answer in nodes if answer.budget is None]
    fixes = _fixes(wanted, fleet, plan, unplaced)
    filtered = Counter(reason.filter for answer in unplaced for reason in answer.reasons)
    return Explanation(plan, nodes, dict(filtered), fixes, _summary(wanted, plan, nodes, fixes))


def _answers(wanted: Wanted, fleet: Fleet, plan: Plan, costs: dict[str, float | None]) -> tuple[NodeAnswer, ...]:
    budgets = {budget.node_id: budget for budget in plan.budgets}
    answers = []
    for tier, pools in enumerate(wanted.tiers):
        for node in fleet.in_pools(pools):
            why = tuple(reasons(node, wanted, fleet))
            for_it = tuple(favours(node, wanted))
            budget, claimed = budgets.get(node.node_id), fleet.left(node.node_id).claimed()
            answers.append(NodeAnswer(node, tier, budget, costs[node.node_id], for_it, claimed, why))
    return tuple(sorted(answers, key=_standing))


def _standing(answer: NodeAnswer) -> tuple[float, ...]:
    if answer.budget is not None:
        return (0, answer.budget.rank, answer.tier)
    if not answer.reasons:
        return (1, answer.tier, -len(answer.favours), answer.cost or 0.0)
    return (2, len(answer.reasons), answer.tier)


def _fixes(wanted: Wanted, fleet: Fleet, plan: Plan, unplaced: Sequence[NodeAnswer]) -> tuple[Fix, ...]:
    """Of what is missing; none when nothing is."""
    if not plan.missing_max:
        return ()
    found = [
        fix
        for answer in unplaced
        for mend in (fixes_for, other_devices)
        for fix in mend(answer.node, wanted, fleet, answer.reasons)
    ]
    placed = sum(budget.max_replicas for budget in plan.budgets)
    if placed:
        found.append(Fix(f"max_replicas {placed}: so many fit", effort=2.0))
    if next(fleet.in_pools(wanted.nodepools), None) is None:
        found.append(Fix(f"a node in {' or '.join(wanted.nodepools)}: homeport join-token create brings one", 0.0))
    return tuple(sorted(dict.fromkeys(found), key=lambda fix: (fix.effort, fix.text))[:_MOST_FIXES])


def _summary(wanted: Wanted, plan: Plan, nodes: Sequence[NodeAnswer], fixes: Sequence[Fix]) -> str:
    low, high = wanted.scaling.min_replicas, wanted.scaling.max_replicas
    placed = high - plan.missing_max
    if high == 0:
        return "stopped: it may have no replica"
    if not nodes:
        return f"pending: {' and '.join(wanted.nodepools)} have no node"
    where = ", ".join(answer.node.name for answer in nodes if answer.budget)
    if plan.missing_max == 0:
        return f"placed: up to {high} replicas on {where}"
    first = f"; nearest: {fixes[0].text}" if fixes else ""
    if placed == 0:
        return f"pending: none of {len(nodes)} nodes takes it{first}"
    short = f"the minimum of {low} is not reached" if plan.missing_min else f"{high} were asked for"
    return f"partly placed: up to {placed} replicas on {where}, {short}{first}"
