from types import SimpleNamespace
from typing import cast

from agent.outlook import outlook_of
from agent.reconcile.replica import Replica
from homeport.core.status import ReplicaStatus
from homeport.core.waiting import Outlook


def replica(
    status: ReplicaStatus, at: float = 0.0, start_ms: int = 0, restart_at: float | None = None, of: str = "chat"
) -> Replica:
    record = SimpleNamespace(deployment_id=of, start_ms=start_ms)
    serves = status is ReplicaStatus.READY
    return cast(
        Replica,
        SimpleNamespace(record=record, status=status, status_at=at, restart_at=restart_at, serves=serves),
    )


def test_what_the_replicas_of_a_deployment_promise_at_12_00_00() -> None:
    noon = 43_200.0
    replicas = [
        replica(ReplicaStatus.STARTING, noon - 7),
        replica(ReplicaStatus.PENDING, noon - 60),
        replica(ReplicaStatus.FAILED, noon - 1, restart_at=noon + 4),
        replica(ReplicaStatus.READY, noon - 500, start_ms=9_000),
        replica(ReplicaStatus.DRAINING, noon - 500, start_ms=11_000),
        replica(ReplicaStatus.READY, noon, start_ms=99_000, of="other"),
    ]
    assert outlook_of("chat", replicas, None, noon) == Outlook(1, (7.0, 60.0, -4.0), 10.0)
    assert outlook_of("chat", replicas, 3.0, noon).start_seconds == 3.0


def test_of_what_never_ran_here_nothing_is_known() -> None:
    assert outlook_of("chat", [], None, 0.0) == Outlook(0, (), None)
