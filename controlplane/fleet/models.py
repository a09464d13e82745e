"""Models and their versions."""

from controlplane.fleet.accept import Accepted, accept
from controlplane.fleet.references import in_use, parent
from controlplane.store.store import Kind, Record, Transaction
from homeport.schema.model import ModelSpec, ModelVersionSpec


def accept_model(tx: Transaction, spec: ModelSpec) -> Accepted:
    return accept(tx, Kind.MODEL, spec.id, spec, "model")


def accept_model_version(tx: Transaction, spec: ModelVersionSpec) -> Accepted:
    """Raises NOT_FOUND for an unknown model, CONFLICT when the version exists with another content."""
    parent(tx, Kind.MODEL, spec.model.id, "model_version.model.id")
    return accept(
        tx,
        Kind.MODEL_VERSION,
        f"{spec.model.id}/{spec.id}",
        spec,
        "model_version",
        fixed_hint="versions are immutable: give the new content a new version id",
    )


def versions_of(tx: Transaction, model_id: str) -> list[Record]:
    """Oldest first. A version never changes, so its seq is when it was made."""
    versions = [version for version in tx.all(Kind.MODEL_VERSION) if version.spec["model"]["id"] == model_id]
    return sorted(versions, key=lambda version: version.seq)


def delete_model(tx: Transaction, model_id: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    versions = [version.spec["id"] for version in versions_of(tx, model_id)]
    if versions:
        raise in_use(f"model {model_id}", "it has version", versions, "delete its versions first")
    tx.delete(Kind.MODEL, model_id)


def delete_model_version(tx: Transaction, key: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    users = [d.id for d in tx.all(Kind.DEPLOYMENT) if _current_version(tx, d) == key]
    if users:
        raise in_use(
            f"model version {key}", "it runs in deployment", users, "move them to another version or delete them first"
        )
    tx.delete(Kind.MODEL_VERSION, key)


def _current_version(tx: Transaction, deployment: Record) -> str:
    revision = tx.get(Kind.REVISION, f"{deployment.id}/{deployment.status['revision']}")
    return f"{revision.spec['model']}/{revision.spec['model_version']}" if revision else ""
