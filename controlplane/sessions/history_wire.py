"""What a node remembers, from protobuf messages."""

from homeport_proto.v1 import session_pb2 as pb

from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Entry, Page, Told
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute
from homeport.core.rollout.track import deployment_of


def history_from_wire(message: pb.History) -> Page:
    """What a newer agent may tell beyond this is left out."""
    entries = ((each, _told(each)) for each in message.entries)
    return Page(
        message.log_id,
        tuple(
            Entry(each.number, deployment_of(each.deployment_id), each.time, told)
            for each, told in entries
            if told is not None
        ),
    )


def _told(entry: pb.HistoryEntry) -> Told | None:
    match entry.WhichOneof("body"):
        case "cold_start":
            return _cold_start(entry.cold_start)
        case "scaling":
            return _scaling(entry.scaling)
        case "traffic":
            return _traffic(entry.traffic)
        case "token_usage":
            return TokenUsage(entry.token_usage.token_id, entry.token_usage.requests, entry.token_usage.tokens)
        case "replica_fault":
            return _fault(entry.replica_fault)
        case _:
            return None


def _cold_start(message: pb.ColdStart) -> ColdStart:
    parts = StartParts(
        queue_seconds=message.queue_seconds,
        place_seconds=message.place_seconds,
        image_seconds=message.image_seconds,
        create_seconds=message.create_seconds,
        load_seconds=message.load_seconds,
        warm_up_seconds=message.warm_up_seconds,
        engine_seconds=message.engine_seconds,
    )
    return ColdStart(message.replica_id, message.revision, parts, message.problem)


def _scaling(message: pb.ScalingChange) -> ScalingChange:
    return ScalingChange(
        before=message.before,
        replicas=message.replicas,
        wanted=message.wanted,
        driver=message.driver,
        reason=message.reason,
        inputs=dict(message.inputs),
        held_until=message.held_until,
    )


def _fault(message: pb.ReplicaFault) -> ReplicaFault:
    return ReplicaFault(
        replica_id=message.replica_id,
        revision=message.revision,
        cause=message.cause,
        ejections=message.ejections,
        failed_checks=message.failed_checks,
        problem=message.problem,
    )


def _traffic(message: pb.TrafficMinute) -> TrafficMinute:
    return TrafficMinute(
        arrivals=message.arrivals,
        completions=message.completions,
        busy_seconds=message.busy_seconds,
        waiting_seconds=message.waiting_seconds,
        peak_requests=message.peak_requests,
        peak_arrivals=message.peak_arrivals,
        tokens=message.tokens,
    )
