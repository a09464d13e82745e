"""Between protobuf messages and the agent's own types."""

import base64
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from homeport_proto.v1 import session_pb2 as pb

from agent.link.messages import Acknowledgement, Goodbye, Hello, Load, LogsQuestion, SiteUpdate, Welcome
from agent.placement import DesiredUpdate, Placement, Removals, Version
from agent.state.site_gateways import SiteGateway
from homeport.core import canonical
from homeport.core.hardware import Hardware
from homeport.core.policy import Policy
from homeport.core.resources import DeviceShare, Gpu, Inventory
from homeport.core.sealed_secrets import SealedSecrets
from homeport.core.status import ReplicaReport
from homeport.core.workload import Workload

if TYPE_CHECKING:  # only an agent with a local gateway loads what a gateway is made of
    from homeport.gateway.callers.denial import Denial

log = structlog.get_logger()

# What this agent understands beyond the first release of the protocol.
FEATURES: tuple[str, ...] = ("secrets",)


def hello_to_wire(hello: Hello) -> pb.AgentMessage:
    gateway = hello.local_gateway
    return pb.AgentMessage(
        hello=pb.Hello(
            epoch_seen=hello.epoch_seen,
            boot_id=hello.boot_id,
            process_id=hello.process_id,
            agent_version=hello.agent_version,
            features=FEATURES,
            inventory=inventory_to_wire(hello.inventory),
            replicas=[replica_to_wire(replica) for replica in hello.replicas],
            applied=_version_to_wire(hello.applied),
            hardware=hardware_to_wire(hello.hardware),
            local_gateway=pb.LocalGateway(tunnel_target=gateway[0], url=gateway[1]) if gateway is not None else None,
        )
    )


def hardware_to_wire(hardware: Hardware) -> pb.Hardware:
    return pb.Hardware(machine_id=hardware.machine_id, product_uuid=hardware.product_uuid, addresses=hardware.addresses)


def inventory_to_wire(inventory: Inventory) -> pb.Inventory:
    return pb.Inventory(
        hostname=inventory.hostname,
        architecture=inventory.architecture,
        operating_system=inventory.operating_system,
        cpu_model=inventory.cpu_model,
        cpu_milli=inventory.cpu_milli,
        memory_bytes=inventory.memory_bytes,
        disk_bytes=inventory.disk_bytes,
        disk_free_bytes=inventory.disk_free_bytes,
        gpus=[_gpu_to_wire(gpu) for gpu in inventory.gpus],
        nvidia_driver_version=inventory.nvidia_driver_version,
        drivers=inventory.drivers,
        problems=inventory.problems,
        cuda_version=inventory.cuda_version,
        network_mbps=inventory.network_mbps,
        labels=inventory.labels,
        images=inventory.images,
        engine=inventory.engine,
        engine_gpu_obstacle=inventory.engine_gpu_obstacle,
    )


def replica_to_wire(replica: ReplicaReport) -> pb.ReplicaState:
    return pb.ReplicaState(
        replica_id=replica.replica_id,
        placement_id=replica.placement_id,
        deployment_id=replica.deployment_id,
        revision=replica.revision,
        status=replica.status,
        reason=replica.reason,
        since=replica.since,
        restarts=replica.restarts,
        spec_hash=replica.spec_hash,
        start_ms=replica.start_ms,
    )


def heartbeat_to_wire(load: Load, wall: float, epoch_kept: int) -> pb.Heartbeat:
    return pb.Heartbeat(
        agent_time=wall,
        cpu_used_cores=load.cpu_used_cores,
        memory_used_bytes=load.memory_used_bytes,
        agent_cpu_seconds=load.agent_cpu_seconds,
        epoch_kept=epoch_kept,
        refused=[
            pb.PlacementRefusal(deployment_id=each.deployment_id, code=each.code, need=each.need, have=each.have)
            for each in load.refused
        ],
    )


def denials_to_wire(denials: Iterable["Denial"]) -> pb.Denials:
    return pb.Denials(
        denials=[
            pb.Denial(
                token_id=each.token_id,
                address=each.address,
                request_id=each.request_id,
                request=each.request,
                code=each.code,
                message=each.message,
                time=each.time,
            )
            for each in denials
        ]
    )


def ack_to_wire(ack: Acknowledgement) -> pb.Ack:
    return pb.Ack(
        applied=_version_to_wire(ack.applied),
        unlisted_placements=ack.unlisted.known,
        foreign_placements=ack.unlisted.foreign,
    )


def welcome_from_wire(message: pb.Welcome) -> Welcome:
    return Welcome(
        epoch=message.epoch,
        heartbeat_seconds=message.heartbeat_seconds or 2.0,
        server_version=message.server_version,
        gateways=tuple(message.gateways.targets),
        bulk_target=message.bulk_target,
        features=tuple(message.features),
    )


def site_gateways_from_wire(message: pb.SiteGatewayList) -> tuple[SiteGateway, ...]:
    return tuple(SiteGateway(each.node_id, each.target) for each in message.gateways)


def site_update_from_wire(message: pb.SiteTables) -> SiteUpdate:
    changes = [(each.table, each.key, each.value_json) for each in message.entries]
    return SiteUpdate(message.first, message.last, changes, float(message.token_seconds))


def goodbye_from_wire(message: pb.Goodbye) -> Goodbye:
    return Goodbye(message.reason, message.message, message.retry_after_seconds, message.stop_models)


def logs_question_from_wire(message: pb.Question) -> LogsQuestion:
    logs = message.logs
    return LogsQuestion(
        question_id=message.question_id,
        replica_id=logs.replica_id,
        tail_lines=logs.tail_lines,
        follow=logs.follow,
        previous=logs.previous,
        deployment_id=logs.deployment_id,
    )


def removals_from_wire(message: pb.ConfirmRemovals) -> Removals:
    return Removals(_version_from_wire(message.version), tuple(message.removed_placements), message.deliberate)


def update_from_wire(message: pb.DesiredState) -> DesiredUpdate:
    placements, unreadable = [], []
    for item in message.placements:
        try:
            placements.append(_placement_from_wire(item))
        except (ValueError, TypeError, KeyError, json.JSONDecodeError) as error:
            log.error("placement cannot be read", placement_id=item.placement_id, error=str(error))
            unreadable.append(item.placement_id)
    return DesiredUpdate(
        version=_version_from_wire(message.version),
        full=message.full,
        placements=tuple(placements),
        removed=tuple(message.removed_placements),
        unreadable=tuple(unreadable),
        cleared_gpus={cleared.uuid: cleared.quarantined_at for cleared in message.cleared_gpus},
    )


def _placement_from_wire(message: pb.Placement) -> Placement:
    return Placement(
        placement_id=message.placement_id,
        deployment_id=message.deployment_id,
        revision=message.revision,
        rank=message.rank,
        min_replicas=message.min_replicas,
        max_replicas=message.max_replicas,
        workload=canonical.loads(Workload, message.workload_json),
        spec_hash=message.spec_hash,
        policy=canonical.loads(Policy, message.policy_json or "{}"),
        devices=tuple(
            DeviceShare(share.gpu_uuid, share.memory_bytes, share.compute_milli) for share in message.devices
        ),
        secrets=SealedSecrets(message.secrets.key_id, base64.b64encode(message.secrets.box).decode()),
        site_labels=dict(message.site_labels),
    )


def _gpu_to_wire(gpu: Gpu) -> pb.Gpu:
    return pb.Gpu(
        uuid=gpu.uuid,
        name=gpu.name,
        memory_bytes=gpu.memory_bytes,
        memory_used_bytes=gpu.memory_used_bytes,
        pci_bus_id=gpu.pci_bus_id,
        utilization_percent=gpu.utilization_percent,
        problem=gpu.problem,
        quarantine=gpu.quarantine,
        quarantined_at=gpu.quarantined_at,
        compute_capability=gpu.compute_capability,
        mig_profile=gpu.mig_profile,
        parent_uuid=gpu.parent_uuid,
        most_sharing=gpu.most_sharing,
    )


def _version_from_wire(message: pb.StoreSeq) -> Version:
    return Version(message.store_id, message.seq)


def _version_to_wire(version: Version) -> pb.StoreSeq:
    return pb.StoreSeq(store_id=version.store_id, seq=version.seq)
