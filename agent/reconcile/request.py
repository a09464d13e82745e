"""A workload made concrete: placeholders filled in for one replica."""

from dataclasses import replace

from agent.drivers.driver import Handle, Labels, StartRequest
from agent.reconcile.ports import is_container
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets
from agent.state.journal import ReplicaRecord
from homeport.core.rollout.track import deployment_of
from homeport.core.workload import Probe

# A container has a network of its own, in which loopback would be reached by nobody.
_ANY_ADDRESS = "0.0.0.0"


def start_request(record: ReplicaRecord, host: str, port: int, secrets: ReplicaSecrets = NO_SECRETS) -> StartRequest:
    """For a replica that the agent will reach on host:port. Nothing is filled into its secrets."""
    workload = record.workload
    values = _placeholders(record, host, port)
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
        port=port,
        container_port=_container_port(record, port),
        cpu_milli=workload.needs.cpu_milli,
        memory_bytes=workload.needs.memory_bytes,
        gpu_uuids=record.gpu_uuids,
        container=workload.container,
        secrets=secrets,
    )


def filled_probe(probe: Probe, record: ReplicaRecord, handle: Handle) -> Probe:
    """Its command runs where the replica does, and knows the replica by the same names."""
    values = _placeholders(record, handle.host, handle.port)
    return replace(probe, command=tuple(_fill(part, values) for part in probe.command))


def _container_port(record: ReplicaRecord, port: int) -> int:
    """Where it listens inside a container: on the port that its image is made for, or on the number outside."""
    return (record.workload.port or port) if is_container(record.workload) else 0


def _placeholders(record: ReplicaRecord, host: str, port: int) -> dict[str, str]:
    inside = _container_port(record, port)
    return {
        "{port}": str(inside or port),
        "{host}": _ANY_ADDRESS if inside else host,
        "{replica_id}": record.replica_id,
        "{deployment_id}": deployment_of(record.deployment_id),
    }


def _fill(text: str, values: dict[str, str]) -> str:
    """Only the known placeholders are replaced; other braces (JSON, templates) stay as they are."""
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
