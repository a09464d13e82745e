"""What this node remembers, as protobuf messages."""

from homeport_proto.v1 import session_pb2 as pb

from homeport.core.history.cold_start import ColdStart
from homeport.core.history.entry import Entry, Page
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute


def history_to_wire(page: Page) -> pb.History:
    return pb.History(log_id=page.log_id, entries=[_entry_to_wire(entry) for entry in page.entries])


def _entry_to_wire(entry: Entry) -> pb.HistoryEntry:
    message = pb.HistoryEntry(number=entry.number, deployment_id=entry.deployment_id, time=entry.time)
    match entry.told:
        case ColdStart():
            message.cold_start.CopyFrom(_cold_start_to_wire(entry.told))
        case ScalingChange():
            message.scaling.CopyFrom(_scaling_to_wire(entry.told))
        case TrafficMinute():
            message.traffic.CopyFrom(_traffic_to_wire(entry.told))
        case TokenUsage():
            usage = pb.TokenUsage(token_id=entry.told.token_id, requests=entry.told.requests, tokens=entry.told.tokens)
            message.token_usage.CopyFrom(usage)
        case ReplicaFault():
            message.replica_fault.CopyFrom(_fault_to_wire(entry.told))
    return message


def _cold_start_to_wire(start: ColdStart) -> pb.ColdStart:
    parts = start.parts
    return pb.ColdStart(
        replica_id=start.replica_id,
        revision=start.revision,
        queue_seconds=parts.queue_seconds,
        place_seconds=parts.place_seconds,
        image_seconds=parts.image_seconds,
        create_seconds=parts.create_seconds,
        load_seconds=parts.load_seconds,
        warm_up_seconds=parts.warm_up_seconds,
        engine_seconds=parts.engine_seconds,
        problem=start.problem,
    )


def _scaling_to_wire(change: ScalingChange) -> pb.ScalingChange:
    return pb.ScalingChange(
        before=change.before,
        replicas=change.replicas,
        wanted=change.wanted,
        driver=change.driver,
        reason=change.reason,
        inputs=change.inputs,
        held_until=change.held_until,
    )


def _fault_to_wire(fault: ReplicaFault) -> pb.ReplicaFault:
    return pb.ReplicaFault(
        replica_id=fault.replica_id,
        revision=fault.revision,
        cause=fault.cause,
        ejections=fault.ejections,
        failed_checks=fault.failed_checks,
        problem=fault.problem,
    )


def _traffic_to_wire(minute: TrafficMinute) -> pb.TrafficMinute:
    return pb.TrafficMinute(
        arrivals=minute.arrivals,
        completions=minute.completions,
        busy_seconds=minute.busy_seconds,
        waiting_seconds=minute.waiting_seconds,
        peak_requests=minute.peak_requests,
        peak_arrivals=minute.peak_arrivals,
        tokens=minute.tokens,
    )
