"""How a deployment stands: its phase and counts, from its records and the agents' reports. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.bound import bound_of
from controlplane.fleet.tracks import split_state
from controlplane.store.store import Record
from homeport.core.status import ReplicaReport, ReplicaStatus

_COMING = (ReplicaStatus.PENDING, ReplicaStatus.STARTING)


@dataclass(frozen=True, slots=True)
class Phase:
    """`reason` is empty when all is well; `since` is unix seconds by the agents' clocks, about when this began."""

    name: str
    reason: str
    since: float


def deployment_state(
    deployment: Record,
    revision: Record | None,
    placements: Sequence[Record],
    replicas: Sequence[tuple[str, ReplicaReport]],
    node_names: Mapping[str, str],
    gateway_url: str,
) -> dict[str, Any]:
    """The form is homeport.schema.deployment_resources.DeploymentState. `replicas` are
    (node id, report), this deployment's."""
    desired = _desired(deployment)
    phase = phase_of(deployment, placements, replicas, node_names)
    return {
        "phase": phase.name,
        "reason": phase.reason,
        "since": phase.since,
        "revision": deployment.status["revision"],
        "model": deployment.spec["worker"]["model"]["id"],
        "model_version": revision.spec["model_version"] if revision else "",
        "desired": desired,
        "replicas": {"ready": len(_with(replicas, ReplicaStatus.READY)), "total": len(replicas)},
        "placements": [_placement(record, replicas, node_names) for record in _by_rank(placements)],
        "rejections": deployment.status.get("placement", {}).get("rejections", []),
        "leaving": deployment.status.get("placement", {}).get("leaving", []),
        "events": deployment.status.get("placement", {}).get("events", []),
        "bound": bound_of(deployment, desired["max"], lambda id: node_names.get(id, id)),
        "traffic_split": split_state(deployment, replicas),
        "url": f"{gateway_url}/d/{deployment.id}/",
    }


def _desired(deployment: Record) -> dict[str, int]:
    low, high = _bounds(deployment)
    return {"min": low, "max": high}


def _bounds(deployment: Record) -> tuple[int, int]:
    scaling = deployment.spec["autoscale_config"]
    fixed = 0 if deployment.spec.get("state") == "stopped" else scaling.get("replicas")
    return (scaling["min_replicas"], scaling["max_replicas"]) if fixed is None else (fixed, fixed)


def phase_of(
    deployment: Record,
    placements: Sequence[Record],
    replicas: Sequence[tuple[str, ReplicaReport]],
    node_names: Mapping[str, str],
) -> Phase:
    """stopped > pending (no node) > failed > starting > degraded (fewer than the minimum) > ready.

    A deployment whose minimum is 0 is ready as long as it has a node to start on.
    """
    minimum, maximum = _bounds(deployment)
    ready = _with(replicas, ReplicaStatus.READY)
    if deployment.spec.get("state") == "stopped":
        return Phase("stopped", "it was stopped", deployment.updated_at)
    if maximum == 0:
        return Phase("stopped", "its maximum is 0 replicas", deployment.updated_at)
    if not placements and not ready:
        return Phase("pending", _why_nowhere(deployment), deployment.updated_at)
    if len(ready) >= max(minimum, 1):
        return Phase("ready", "", sorted(report.since for report in ready)[max(minimum, 1) - 1])
    failed = _with(replicas, ReplicaStatus.FAILED)
    if ready:
        reason = f"{len(ready)} of at least {minimum} replicas are ready{_and_why(deployment, failed)}"
        return Phase("degraded", reason, _latest(failed or ready, deployment))
    if failed:
        return Phase("failed", failed[-1].reason or "its replica failed", _latest(failed, deployment))
    unknown = [(node, report) for node, report in replicas if report.status is ReplicaStatus.UNKNOWN]
    if unknown:
        nodes = ", ".join(sorted({node_names.get(node, node) for node, _ in unknown}))
        reason = f"nobody can tell: {nodes} is silent"
        return Phase("degraded", reason, _latest([report for _, report in unknown], deployment))
    if minimum == 0 and not _with(replicas, *_COMING):
        return Phase("ready", "no replica runs; the first request starts one", deployment.updated_at)
    return Phase("starting", _why_starting(replicas), _latest(_with(replicas, *_COMING), deployment))


def _with(replicas: Sequence[tuple[str, ReplicaReport]], *statuses: ReplicaStatus) -> list[ReplicaReport]:
    return [report for _, report in replicas if report.status in statuses]


def _latest(reports: Sequence[ReplicaReport], deployment: Record) -> float:
    return max((report.since for report in reports), default=deployment.updated_at)


def _why_nowhere(deployment: Record) -> str:
    placement = deployment.status.get("placement")
    if placement is None:
        return "the scheduler has not looked at it yet"
    if not placement["rejections"]:
        return "its nodepools have no node"
    first = placement["rejections"][0]
    more = len(placement["rejections"]) - 1
    others = f", and {more} more" if more else ""
    return f"no node fits: {first['node_name']}: {first['filter']}: needs {first['need']}, has {first['have']}{others}"


def _and_why(deployment: Record, failed: Sequence[ReplicaReport]) -> str:
    if failed:
        return f": {failed[-1].reason or 'a replica failed'}"
    missing = deployment.status.get("placement", {}).get("missing_min", 0)
    return f": {missing} found no place" if missing else ""


def _why_starting(replicas: Sequence[tuple[str, ReplicaReport]]) -> str:
    coming = _with(replicas, *_COMING)
    reasons = [report.reason for report in coming if report.reason]
    return reasons[-1] if reasons else "a replica is starting" if coming else "waiting for the node to start a replica"


def _placement(
    record: Record, replicas: Sequence[tuple[str, ReplicaReport]], node_names: Mapping[str, str]
) -> dict[str, Any]:
    spec = record.spec
    return {
        "id": record.id,
        "node_id": spec["node_id"],
        "node_name": node_names.get(spec["node_id"], spec["node_id"]),
        "revision": spec["revision"],
        "rank": spec["rank"],
        "min": spec["min_replicas"],
        "max": spec["max_replicas"],
        "status": placement_status(record, replicas),
        "devices": spec["devices"],
    }


def placement_status(placement: Record, replicas: Sequence[tuple[str, ReplicaReport]]) -> str:
    """The best that any replica of this node says; `idle` when none needs to run. `replaced`: others took over while
    the node is lost."""
    if placement.spec.get("replaced"):
        return "replaced"
    statuses = {report.status for node, report in replicas if node == placement.spec["node_id"]}
    for status, name in (
        (ReplicaStatus.READY, "ready"),
        (ReplicaStatus.STARTING, "starting"),
        (ReplicaStatus.PENDING, "starting"),
        (ReplicaStatus.FAILED, "failed"),
        (ReplicaStatus.UNKNOWN, "unknown"),
    ):
        if status in statuses:
            return name
    return "pending" if placement.spec["min_replicas"] else "idle"


def _by_rank(placements: Sequence[Record]) -> list[Record]:
    return sorted(placements, key=lambda record: (record.spec["rank"], record.id))
