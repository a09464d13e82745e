"""Which part of a deployment's soft minimum and of its schedule each of its nodes keeps."""

from collections.abc import Iterable
from dataclasses import replace

from controlplane.store.store import Record
from homeport.core.policy import Policy
from homeport.core.schedule import shares


def has_floors(policy: Policy) -> bool:
    return bool(policy.scaling.soft_min_replicas or policy.scaling.schedule)


def policy_on(policy: Policy, placement: Record, placements: Iterable[Record]) -> Policy:
    """The policy as this node gets it. `placements` are all of the deployment: they take the replicas in the order of
    their ranks, as they take its budget, so that each node knows its part without asking anybody."""
    serving = sorted(
        (record for record in placements if not record.spec.get("replaced")), key=lambda r: (r.spec["rank"], r.id)
    )
    budgets = [(record.spec["min_replicas"], record.spec["max_replicas"]) for record in serving]
    ids = [record.id for record in serving]

    def mine(wanted: int) -> int:
        return shares(wanted, budgets)[ids.index(placement.id)] if placement.id in ids else 0

    scaling = policy.scaling
    schedule = tuple(replace(entry, min_replicas=mine(entry.min_replicas)) for entry in scaling.schedule)
    soft = mine(scaling.soft_min_replicas) if scaling.soft_min_replicas else 0
    return replace(policy, scaling=replace(scaling, schedule=schedule, soft_min_replicas=soft))
