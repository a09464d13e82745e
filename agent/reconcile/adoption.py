"""From the journal and from what runs to the replicas that an agent starts with. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from agent.drivers.driver import Found, RunState
from agent.placement import Placement
from agent.state.journal import ReplicaRecord, Stage
from homeport.core.workload import Probe, ProbeKind, Startup, Workload

# One whose workload nobody remembers is judged by nothing but its port, and never given up.
_EVER = 1e9


def adopted(
    noted: Iterable[ReplicaRecord], found: Iterable[Found], placements: Mapping[str, Placement]
) -> list[ReplicaRecord]:
    """The journal's replicas, and those that run without a note: their labels tell who they are."""
    running = {each.labels.replica_id: each for each in found if each.state is RunState.RUNNING}
    records = []
    for record in noted:
        here = running.pop(record.replica_id, None)
        # Started, and the agent died before it could note the handle.
        recovered = replace(record, handle=here.handle) if here and record.handle is None else record
        records.append(remembered(recovered, placements) or recovered)
    return records + [record_of(each, placements) for each in running.values()]


def record_of(found: Found, placements: Mapping[str, Placement]) -> ReplicaRecord:
    labels = found.labels
    record = ReplicaRecord(
        replica_id=labels.replica_id,
        placement_id=labels.placement_id,
        deployment_id=labels.deployment_id,
        revision=labels.revision,
        spec_hash=labels.spec_hash,
        workload=Workload(
            found.handle.driver, readiness=Probe(kind=ProbeKind.TCP), startup=Startup(_EVER, _EVER), concurrency=1
        ),
        number=labels.number,
        gpu_uuids=labels.gpu_uuids,
        stage=Stage.STARTED,
        handle=found.handle,
        remembered=False,
    )
    return remembered(record, placements) or record


def remembered(record: ReplicaRecord, placements: Mapping[str, Placement]) -> ReplicaRecord | None:
    """The record with its workload again, once its placement is known with the very same one; else None."""
    placement = placements.get(record.placement_id)
    if record.remembered or placement is None or placement.spec_hash != record.spec_hash:
        return None
    return replace(record, workload=placement.workload, deployment_id=placement.deployment_id, remembered=True)
