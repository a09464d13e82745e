"""A workload made concrete: placeholders filled in for one replica."""

from agent.drivers.driver import Labels, StartRequest
from agent.state.journal import ReplicaRecord


def start_request(record: ReplicaRecord, host: str, port: int) -> StartRequest:
    """Only the known placeholders are replaced; other braces (JSON, templates) stay as they are."""
    values = {
        "{port}": str(port),
        "{host}": host,
        "{replica_id}": record.replica_id,
        "{deployment_id}": record.deployment_id,
    }
    workload = record.workload
    return StartRequest(
        labels=Labels(
            replica_id=record.replica_id,
            deployment_id=record.deployment_id,
            placement_id=record.placement_id,
            revision=record.revision,
            spec_hash=record.spec_hash,
            number=record.number,
        ),
        command=tuple(_fill(part, values) for part in workload.command),
        env={key: _fill(value, values) for key, value in workload.env.items()},
        working_directory=workload.working_directory,
        image=workload.image,
        host=host,
        port=port,
        cpu_milli=workload.needs.cpu_milli,
        memory_bytes=workload.needs.memory_bytes,
        gpu_uuids=record.gpu_uuids,
        container=workload.container,
    )


def _fill(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
