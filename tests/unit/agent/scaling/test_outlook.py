from types import SimpleNamespace
from typing import Any, cast

from agent.reconcile.replica import Replica
from agent.scaling.outlook import outlook_of
from agent.state.journal import ReplicaRecord
from homeport.core.status import ReplicaStatus
from homeport.core.waiting import Outlook
from homeport.core.workload import Workload
from tests.fakes.clock import FakeClock

NOON = 43_200.0


def replica(
    status: ReplicaStatus, at: float, restart_at: float | None = None, of: str = "chat", clock: FakeClock | None = None
) -> Replica:
    """In that status since then."""
    clock = clock or FakeClock(at)
    around = cast(Any, SimpleNamespace(wall=clock, monotonic=clock, changed=lambda replica: None))
    made = Replica(ReplicaRecord("r", "p", of, 1, "h", Workload("process")), around)
    made.answers = status is ReplicaStatus.UNKNOWN
    made.set(status, "")
    made.restart_at = restart_at
    return made


def test_what_the_replicas_of_a_deployment_promise_at_12_00_00() -> None:
    replicas = [
        replica(ReplicaStatus.STARTING, NOON - 7),
        replica(ReplicaStatus.PENDING, NOON - 60),
        replica(ReplicaStatus.FAILED, NOON - 1, restart_at=NOON + 4),
        replica(ReplicaStatus.DRAINING, NOON - 500),
        replica(ReplicaStatus.STARTING, NOON - 3, of="other"),
    ]
    assert outlook_of("chat", replicas, 10.0, NOON) == Outlook(0, (7.0, 60.0, -4.0), 10.0)
    assert outlook_of("none", replicas, None, NOON) == Outlook(0, (), None)


def test_a_start_is_as_old_as_its_order_whatever_part_of_it_goes_on() -> None:
    clock = FakeClock(NOON - 40)
    coming = replica(ReplicaStatus.PENDING, NOON - 40, clock=clock)
    clock.now = NOON - 10
    coming.set(ReplicaStatus.STARTING, "loads")
    assert outlook_of("chat", [coming], 60.0, NOON).starting == (40.0,)
    coming.set(ReplicaStatus.FAILED, "exit code 1")
    clock.now = NOON - 2
    coming.set(ReplicaStatus.PENDING, "")
    assert outlook_of("chat", [coming], 60.0, NOON).starting == (2.0,), "another start"
