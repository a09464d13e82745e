"""What is noted of replicas that are not well, and when it is told. Times are absolute."""

from agent.history.faults import FaultRecorder
from homeport.core.history.replica_fault import HEALTH_CHECK, ReplicaFault
from tests.fakes.clock import FakeClock


def test_what_belongs_together_within_a_minute_is_one_entry() -> None:
    told: list[tuple[str, float, ReplicaFault]] = []
    wall = FakeClock()
    wall.now = 1000.0
    recorder = FaultRecorder(lambda *entry: told.append(entry), wall)
    recorder.note("chat@2", ReplicaFault("r1", 2, "lost", ejections=1))
    recorder.note("chat@2", ReplicaFault("r1", 2, HEALTH_CHECK, failed_checks=1, problem="answered 500"))
    wall.now = 1030.0
    recorder.note("chat@2", ReplicaFault("r1", 2, "lost", ejections=1))
    recorder.note("chat@2", ReplicaFault("r1", 2, HEALTH_CHECK, 1, 1, "no answer within 2 s"))
    recorder.look()
    assert told == []
    wall.now = 1060.0
    recorder.look()
    assert told == [
        ("chat@2", 1000.0, ReplicaFault("r1", 2, "lost", ejections=2)),
        ("chat@2", 1000.0, ReplicaFault("r1", 2, HEALTH_CHECK, 1, 2, "no answer within 2 s")),
    ]
    recorder.note("chat@2", ReplicaFault("r1", 2, "lost", ejections=1))
    recorder.close()
    assert told[2:] == [("chat@2", 1060.0, ReplicaFault("r1", 2, "lost", ejections=1))]
    assert recorder.ejections == {("chat", "lost"): 3, ("chat", HEALTH_CHECK): 1}
    assert recorder.failed_checks == {"chat": 2}


def test_a_clock_that_was_set_back_keeps_nothing_waiting() -> None:
    told: list[float] = []
    wall = FakeClock()
    wall.now = 1000.0
    recorder = FaultRecorder(lambda deployment_id, time, fault: told.append(time), wall)
    recorder.note("chat", ReplicaFault("r1", 1, "lost", ejections=1))
    wall.now = 10.0
    recorder.look()
    assert told == [1000.0]
