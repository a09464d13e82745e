"""With which replicas an agent starts: what it noted, and what runs."""

from agent.drivers.driver import Found, Handle, Labels, RunState
from agent.placement import Placement
from agent.reconcile.adoption import adopted
from agent.state.journal import ReplicaRecord, Stage
from homeport.core.workload import ProbeKind, Workload

WORKLOAD = Workload("process", ("serve",))
PLACEMENT = Placement("p", "chat", 3, 0, 1, 2, WORKLOAD, "v3")
HANDLE = Handle("process", 1, "127.0.0.1", 9000, {"pid": 7})


def _found(replica_id: str = "a", spec: str = "v3", state: RunState = RunState.RUNNING) -> Found:
    return Found(Labels(replica_id, "chat", "p", 3, spec, 5, ("GPU-1",)), HANDLE, state)


def _noted(handle: Handle | None = HANDLE, stage: Stage = Stage.READY) -> ReplicaRecord:
    return ReplicaRecord(
        "a", "p", "chat", 3, "v3", WORKLOAD, gpu_uuids=("GPU-1",), number=5, stage=stage, handle=handle
    )


def test_the_journal_is_believed() -> None:
    assert adopted([_noted()], [_found()], {}) == [_noted()]
    assert adopted([_noted()], [], {}) == [_noted()], "whether it runs is the driver's to say"


def test_one_whose_handle_was_not_noted_is_known_by_its_labels() -> None:
    (record,) = adopted([_noted(handle=None, stage=Stage.INTENT)], [_found()], {})
    assert record == _noted(stage=Stage.INTENT)


def test_a_lost_note_is_made_again_from_labels_and_desired_state() -> None:
    (record,) = adopted([], [_found()], {"p": PLACEMENT})
    assert record == _noted(stage=Stage.STARTED)


def test_one_of_an_unknown_placement_is_kept_and_judged_by_nothing_but_its_port() -> None:
    for placements in ({}, {"p": Placement("p", "chat", 4, 0, 1, 2, WORKLOAD, "v4")}):
        (record,) = adopted([], [_found()], placements)
        assert (record.replica_id, record.placement_id, record.spec_hash) == ("a", "p", "v3")
        assert not record.remembered
        assert record.workload.readiness.kind is ProbeKind.TCP
        assert record.workload.liveness is None


def test_its_workload_is_given_back_when_the_placement_is_known_again() -> None:
    (unknown,) = adopted([], [_found()], {})
    (record,) = adopted([unknown], [_found()], {"p": PLACEMENT})
    assert record.remembered
    assert record.workload == WORKLOAD


def test_what_has_ended_is_no_replica() -> None:
    assert adopted([], [_found(state=RunState.EXITED), _found("b", state=RunState.UNKNOWN)], {"p": PLACEMENT}) == []
