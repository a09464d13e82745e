"""Projects: whom models, deployments and dedicated nodepools belong to."""

from controlplane.fleet.accept import Accepted, accept
from controlplane.fleet.access import forget_scope
from controlplane.fleet.references import in_use, noun, parent
from controlplane.store.store import Kind, Transaction
from homeport.schema.project import ProjectSpec

OWNED = (Kind.SECRET, Kind.NODEPOOL, Kind.MODEL, Kind.DEPLOYMENT)


def accept_project(tx: Transaction, spec: ProjectSpec) -> Accepted:
    return accept(tx, Kind.PROJECT, spec.id, spec, "project")


def known_project(tx: Transaction, project_id: str, path: str) -> None:
    """Raises NOT_FOUND; an empty id stands for no project."""
    if project_id:
        parent(tx, Kind.PROJECT, project_id, path)


def delete_project(tx: Transaction, project_id: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    for kind in OWNED:
        owned = [each for each in tx.all(kind) if each.spec.get("project") == project_id]
        if owned:
            raise in_use(f"project {project_id}", f"it has {noun(kind)}", owned, "delete them or clear their `project`")
    tx.delete(Kind.PROJECT, project_id)
    forget_scope(tx, f"project/{project_id}")
