"""A workload made concrete: placeholders filled in for one replica."""

from dataclasses import replace

from agent.drivers.driver import Handle, Labels, StartRequest
from agent.reconcile.ports import Ports, inside_ports, is_container
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets
from agent.state.journal import ReplicaRecord
from homeport.core.rollout.track import deployment_of
from homeport.core.workload import Probe

# A container has a network of its own, in which loopback would be reached by nobody.
_ANY_ADDRESS = "0.0.0.0"


def start_request(record: ReplicaRecord, host: str, ports: Ports, secrets: ReplicaSecrets = NO_SECRETS) -> StartRequest:
    """For a replica that the agent will reach there. Nothing is filled into its secrets."""
    workload = record.workload
    inside = inside_ports(workload, ports)
    values = _placeholders(record, host, ports)
    return StartRequest(
        labels=Labels(
            replica_id=record.replica_id,
            deployment_id=record.deployment_id,
            placement_id=record.placement_id,
            revision=record.revision,
            spec_hash=record.spec_hash,
            number=record.number,
            gpu_uuids=record.gpu_uuids,
        ),
        command=tuple(_fill(part, values) for part in workload.command),
        env={key: _fill(value, values) for key, value in workload.env.items()},
        working_directory=workload.working_directory,
        image=workload.image,
        host=host,
        port=ports.port,
        container_port=inside.port,
        grpc_port=ports.grpc_port,
        container_grpc_port=inside.grpc_port,
        cpu_milli=workload.needs.cpu_milli,
        memory_bytes=workload.needs.memory_bytes,
        gpu_uuids=record.gpu_uuids,
        container=workload.container,
        secrets=secrets,
    )


def filled_probe(probe: Probe, record: ReplicaRecord, handle: Handle) -> Probe:
    """Its command runs where the replica does, and knows the replica by the same names."""
    values = _placeholders(record, handle.host, Ports(handle.port, handle.grpc_port))
    return replace(probe, command=tuple(_fill(part, values) for part in probe.command))


def _placeholders(record: ReplicaRecord, host: str, outside: Ports) -> dict[str, str]:
    in_container = is_container(record.workload)
    ports = inside_ports(record.workload, outside) if in_container else outside
    return {
        "{port}": str(ports.port),
        "{grpc_port}": str(ports.grpc_port),
        "{host}": _ANY_ADDRESS if in_container else host,
        "{replica_id}": record.replica_id,
        "{deployment_id}": deployment_of(record.deployment_id),
    }


def _fill(text: str, values: dict[str, str]) -> str:
    """Only the known placeholders are replaced; other braces (JSON, templates) stay as they are."""
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
