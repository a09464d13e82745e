"""Objects as the API shows them: one dictionary each, in the forms of homeport.schema."""

from collections.abc import Mapping
from typing import Any

from controlplane.auth.token_facts import owner_of
from controlplane.fleet.node_approval import WAITS_SINCE
from controlplane.fleet.secrets import shown_spec
from controlplane.store.store import Kind, Record
from homeport.core.status import ReplicaReport
from homeport.schema.instance_type import InstanceTypeSpec


def envelope(
    record: Record, status: Mapping[str, Any] | None = None, spec: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`status` and `spec` replace the stored ones where the API shows another view."""
    return {
        "kind": record.kind.value,
        "id": record.id,
        "generation": record.generation,
        "seq": record.seq,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "spec": record.spec if spec is None else spec,
        "status": record.status if status is None else status,
    }


def instance_type_object(spec: InstanceTypeSpec, source: str, nodes: int = 0) -> dict[str, Any]:
    """Of one that is not one's own: it stands for no write."""
    plain = spec.model_dump(mode="json")
    status = {"source": source, "nodes": nodes}
    return envelope(Record(Kind.INSTANCE_TYPE, spec.id, 0, 0, 0.0, 0.0, plain, status))


def join_token_object(record: Record) -> dict[str, Any]:
    """What may be shown: no secret, no hash."""
    spec = {key: record.spec[key] for key in ("nodepool", "expires_at")}
    return envelope(record, {key: record.status.get(key) for key in ("used_at", "node_id")}, spec)


def access_token_object(record: Record) -> dict[str, Any]:
    """What may be shown: no secret, no hash."""
    names = ("name", "permissions", "models", "expires_at", "created_by", "limits")
    spec = {**{name: record.spec.get(name) for name in names}, "owner": owner_of(record)}
    spec["created_by"] = spec["created_by"] or spec["owner"]
    spec["session"] = (record.spec.get("session") or {}).get("via")
    previous = record.spec.get("previous")
    status = {
        "last_used_at": record.status.get("last_used_at"),
        "overlap_until": previous["until"] if previous else None,
        "usage": None,
    }
    return envelope(record, status, spec)


def secret_object(record: Record) -> dict[str, Any]:
    """What may be shown: no value, sealed or not."""
    return envelope(record, {key: record.status[key] for key in ("version", "changed_at")}, shown_spec(record))


def node_facts(record: Record) -> dict[str, Any]:
    facts = {key: record.spec[key] for key in ("name", "cluster", "nodepool")}
    wishes = {wish: record.spec.get(wish) for wish in ("lock", "cordon", "drain")}
    return {**facts, **wishes, "waits_since": record.spec.get(WAITS_SINCE)}


def replica_object(node_id: str, node_name: str, report: ReplicaReport) -> dict[str, Any]:
    return {
        "id": report.replica_id,
        "node_id": node_id,
        "node_name": node_name,
        "deployment_id": report.deployment_id,
        "revision": report.revision,
        "status": report.status.value,
        "reason": report.reason,
        "since": report.since,
        "restarts": report.restarts,
        "start_ms": report.start_ms,
    }
