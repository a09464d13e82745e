"""Between protobuf messages and the domain's own types. Nothing else in the control plane sees a `_pb2` object."""

import base64
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping

from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.tracks import track_of
from controlplane.sites.local_gateways import LocalGateway
from controlplane.store.store import Record
from homeport.core import canonical
from homeport.core.errors import ErrorCode
from homeport.core.hardware import Hardware
from homeport.core.likeness import Claim
from homeport.core.policy import Policy
from homeport.core.refusal import Refusal
from homeport.core.resources import Gpu, Inventory
from homeport.core.rollout.track import deployment_of
from homeport.core.sealed_secrets import SealedSecrets
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.gateway.callers.denial import Denial


def claim_from_wire(message: pb.Hello | pb.RenewRequest, gpus: Iterable[Gpu] = ()) -> Claim:
    host = message.hardware
    hardware = Hardware(host.machine_id, host.product_uuid, tuple(host.addresses), tuple(gpu.uuid for gpu in gpus))
    return Claim(message.process_id, message.epoch_seen, hardware)


def inventory_from_wire(message: pb.Inventory) -> Inventory:
    return Inventory(
        hostname=message.hostname,
        architecture=message.architecture,
        operating_system=message.operating_system,
        cpu_model=message.cpu_model,
        cpu_milli=message.cpu_milli,
        memory_bytes=message.memory_bytes,
        disk_bytes=message.disk_bytes,
        disk_free_bytes=message.disk_free_bytes,
        gpus=tuple(_gpu_from_wire(gpu) for gpu in message.gpus),
        nvidia_driver_version=message.nvidia_driver_version,
        drivers=tuple(message.drivers),
        problems=tuple(message.problems),
        cuda_version=message.cuda_version,
        network_mbps=message.network_mbps,
        labels=dict(message.labels),
        # Many nodes have the same ones.
        images=tuple(map(sys.intern, message.images)),
        engine=message.engine,
        engine_gpu_obstacle=message.engine_gpu_obstacle,
    )


def _gpu_from_wire(message: pb.Gpu) -> Gpu:
    return Gpu(
        uuid=message.uuid,
        name=message.name,
        memory_bytes=message.memory_bytes,
        memory_used_bytes=message.memory_used_bytes,
        pci_bus_id=message.pci_bus_id,
        utilization_percent=message.utilization_percent,
        compute_capability=message.compute_capability,
        problem=message.problem,
        quarantine=message.quarantine,
        quarantined_at=message.quarantined_at,
        mig_profile=message.mig_profile,
        parent_uuid=message.parent_uuid,
        most_sharing=message.most_sharing,
    )


def refusals_from_wire(messages: Collection[pb.PlacementRefusal]) -> tuple[Refusal, ...]:
    return tuple(Refusal(each.deployment_id, each.code, each.need, each.have) for each in messages) if messages else ()


def replica_from_wire(message: pb.ReplicaState) -> ReplicaReport:
    return ReplicaReport(
        replica_id=message.replica_id,
        placement_id=message.placement_id,
        deployment_id=deployment_of(message.deployment_id),
        revision=message.revision,
        status=_replica_status(message.status),
        reason=message.reason,
        since=message.since,
        restarts=message.restarts,
        spec_hash=message.spec_hash,
        start_ms=message.start_ms,
        track=message.deployment_id,
    )


def _replica_status(text: str) -> ReplicaStatus:
    """A newer agent may know states that we do not."""
    try:
        return ReplicaStatus(text)
    except ValueError:
        return ReplicaStatus.UNKNOWN


def placement_to_wire(
    placement: Record, revision: Record, policy: Policy, secrets: SealedSecrets, site: Mapping[str, str]
) -> pb.Placement:
    """`site` are the labels of the node's cluster."""
    spec = placement.spec
    return pb.Placement(
        placement_id=placement.id,
        deployment_id=track_of(placement),
        revision=spec["revision"],
        rank=spec["rank"],
        min_replicas=spec["min_replicas"],
        max_replicas=spec["max_replicas"],
        workload_json=canonical.text_of(revision.spec["workload"]),
        spec_hash=revision.spec["spec_hash"],
        policy_json=canonical.dumps(policy),
        devices=[
            pb.DeviceShare(
                gpu_uuid=share["gpu_uuid"],
                memory_bytes=share["memory_bytes"],
                compute_milli=share["compute_milli"],
            )
            for share in spec["devices"]
        ],
        secrets=pb.SealedSecrets(key_id=secrets.key_id, box=base64.b64decode(secrets.box)) if secrets.box else None,
        site_labels={key: site[key] for key in policy.residency if key in site},
    )


def local_gateway_from_wire(message: pb.Hello) -> LocalGateway | None:
    """None where its agent listens to nobody."""
    if not message.HasField("local_gateway"):
        return None
    return LocalGateway(message.local_gateway.tunnel_target, message.local_gateway.url)


def denials_from_wire(node_id: str, message: pb.Denials) -> Iterator[Denial]:
    """Of that node's local gateway. A newer agent's codes are not known here: then access was denied in some way."""
    known = {code.value: code for code in ErrorCode}
    for each in message.denials:
        code = known.get(each.code, ErrorCode.PERMISSION_DENIED)
        yield Denial(each.token_id, each.address, each.request_id, each.request, code, each.message, each.time, node_id)
