from dataclasses import replace
from typing import Any

import pytest

from controlplane.fleet.deployment_state import phase_of, placement_status
from controlplane.store.store import Kind, Record
from homeport.core.status import ReplicaReport, ReplicaStatus

R = ReplicaStatus
NAMES = {"n1": "gpu-1", "n2": "gpu-2"}
NO_ROOM = {"node_id": "n1", "node_name": "gpu-1", "filter": "cpu", "need": "2", "have": "1 free"}


def deployment(low: int = 1, high: int = 4, fixed: int | None = None, **placement: Any) -> Record:
    spec = {"autoscale_config": {"min_replicas": low, "max_replicas": high, "replicas": fixed}}
    status: dict[str, Any] = {"revision": 1}
    if placement:
        status["placement"] = {"rejections": [], "missing_min": 0, "missing_max": 0, **placement}
    return Record(Kind.DEPLOYMENT, "chat", 1, 1, 10.0, 20.0, spec, status)


def stopped() -> Record:
    record = deployment(2)
    return replace(record, spec={**record.spec, "state": "stopped"})


def placement(node: str = "n1", low: int = 1) -> Record:
    return Record(Kind.PLACEMENT, "p", 1, 1, 0, 0, {"node_id": node, "min_replicas": low, "rank": 0}, {})


def replica(
    status: ReplicaStatus, reason: str = "", since: float = 100.0, node: str = "n1"
) -> tuple[str, ReplicaReport]:
    return node, ReplicaReport("r", "p", "chat", 1, status, reason, since)


@pytest.mark.parametrize(
    ("record", "placements", "replicas", "phase", "says"),
    [
        (deployment(), [], [], "pending", "has not looked at it yet"),
        (deployment(missing_min=1), [], [], "pending", "its nodepools have no node"),
        (deployment(rejections=[NO_ROOM]), [], [], "pending", "no node fits: gpu-1: cpu: needs 2, has 1 free"),
        (deployment(rejections=[NO_ROOM, NO_ROOM]), [], [], "pending", "1 free, and 1 more"),
        (deployment(0, 0), [], [], "stopped", "its maximum is 0 replicas"),
        (deployment(0, 0), [], [replica(R.READY)], "stopped", "its maximum is 0 replicas"),
        (stopped(), [], [replica(R.READY)], "stopped", "it was stopped"),
        (deployment(1, 4, fixed=0), [], [], "stopped", "its maximum is 0 replicas"),
        (deployment(0, 1, fixed=2), [placement()], [replica(R.READY)], "degraded", "1 of at least 2 replicas"),
        (deployment(), [placement()], [], "starting", "waiting for the node"),
        (deployment(), [placement()], [replica(R.PENDING)], "starting", "a replica is starting"),
        (deployment(), [placement()], [replica(R.STARTING, "loads weights")], "starting", "loads weights"),
        (deployment(), [placement()], [replica(R.READY)], "ready", ""),
        (deployment(0), [placement(low=0)], [], "ready", "the first request starts one"),
        (deployment(0), [placement(low=0)], [replica(R.STARTING)], "starting", "a replica is starting"),
        (deployment(0), [placement(low=0)], [replica(R.READY)], "ready", ""),
        (deployment(), [placement()], [replica(R.FAILED, "exit code 1")], "failed", "exit code 1"),
        (deployment(0), [placement(low=0)], [replica(R.FAILED)], "failed", "its replica failed"),
        (deployment(2), [placement()], [replica(R.READY)], "degraded", "1 of at least 2 replicas are ready"),
        (deployment(2), [placement()], [replica(R.READY), replica(R.FAILED, "OOM")], "degraded", "are ready: OOM"),
        (deployment(2, missing_min=1), [placement()], [replica(R.READY)], "degraded", "1 found no place"),
        (deployment(2), [placement()], [replica(R.READY), replica(R.READY)], "ready", ""),
        (deployment(), [placement()], [replica(R.UNKNOWN)], "degraded", "nobody can tell: gpu-1 is silent"),
        (deployment(), [placement("n1")], [replica(R.UNKNOWN), replica(R.READY, node="n2")], "ready", ""),
    ],
)
def test_phases(record: Record, placements: Any, replicas: Any, phase: str, says: str) -> None:
    found = phase_of(record, placements, replicas, NAMES)
    assert found.name == phase
    assert says in found.reason
    assert bool(found.reason) == bool(says)


def test_ready_since_the_minimum_was_reached() -> None:
    replicas = [replica(R.READY, since=since) for since in (300.0, 100.0, 200.0)]
    assert phase_of(deployment(2), [placement()], replicas, NAMES).since == 200.0
    assert phase_of(deployment(0), [placement()], replicas, NAMES).since == 100.0


def test_pending_since_the_last_write() -> None:
    assert phase_of(deployment(), [], [], NAMES).since == 20.0


@pytest.mark.parametrize(
    ("statuses", "low", "expected"),
    [
        ([], 1, "pending"),
        ([], 0, "idle"),
        ([R.STARTING, R.READY], 1, "ready"),
        ([R.FAILED, R.STARTING], 1, "starting"),
        ([R.FAILED], 1, "failed"),
        ([R.UNKNOWN], 1, "unknown"),
        ([R.DRAINING], 0, "idle"),
    ],
)
def test_a_placement_is_as_good_as_its_best_replica(statuses: list[ReplicaStatus], low: int, expected: str) -> None:
    replicas = [replica(status) for status in statuses]
    elsewhere = replica(R.READY, node="n2")
    assert placement_status(placement(low=low), [*replicas, elsewhere]) == expected
