"""What deleting an object would mean: what stops, what goes with it, and what stands in the way."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from controlplane.fleet.access import held_by
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.nodes import nodepool_key_of
from controlplane.fleet.projects import OWNED
from controlplane.fleet.revisions import revisions_of, versions_in_use
from controlplane.fleet.secret_uses import users_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Index, Kind, Record, Store


@dataclass(frozen=True, slots=True)
class Impact:
    """`replicas` stop; `objects` go too; while there is something in `blocked_by`, nothing can be deleted at all."""

    replicas: int = 0
    objects: list[Record] = field(default_factory=list)
    blocked_by: list[Record] = field(default_factory=list)


def impact_answer(impact: Impact, seen: Callable[[list[Record]], list[Record]]) -> dict[str, Any]:
    """The form is homeport.schema.edited.Impact. `seen` picks what the reader may see."""
    return {
        "stops": {"replicas": impact.replicas},
        "objects": [{"kind": each.kind.value, "id": each.id} for each in seen(impact.objects)],
        "blocked_by": [{"kind": each.kind.value, "id": each.id} for each in seen(impact.blocked_by)],
    }


def impact_of(store: Store, registry: NodeRegistry, kind: Kind, id: str) -> Impact:
    """Of an object that exists."""
    match kind:
        case Kind.DEPLOYMENT:
            return Impact(len(registry.replicas(id)), objects=revisions_of(store, id))
        case Kind.NODE:
            return _of_node(store, registry, id)
        case Kind.USER | Kind.SERVICE_ACCOUNT | Kind.TEAM:
            return Impact(objects=held_by(store, f"{kind.value}/{id}"))
    return Impact(blocked_by=list(_users(store, kind, id)))


def _of_node(store: Store, registry: NodeRegistry, id: str) -> Impact:
    live = registry.get(id)
    held = {p.spec["deployment_id"] for p in store.find(Index.PLACEMENTS_ON_NODE, id)}
    serving = [each for each in store.all(Kind.DEPLOYMENT) if each.id in held]
    return Impact(len(registry.replicas_on(id)), blocked_by=serving if live is not None and live.connected else [])


def _users(store: Store, kind: Kind, id: str) -> Iterable[Record]:
    match kind:
        case Kind.CLUSTER:
            return (pool for pool in store.all(Kind.NODEPOOL) if pool.spec["compute_cluster"]["id"] == id)
        case Kind.NODEPOOL:
            nodes = [node for node in store.all(Kind.NODE) if nodepool_key_of(node) == id]
            return [*nodes, *(each for each in store.all(Kind.DEPLOYMENT) if id in nodepools_of(each.spec))]
        case Kind.MODEL:
            return (version for version in store.all(Kind.MODEL_VERSION) if version.spec["model"]["id"] == id)
        case Kind.MODEL_VERSION:
            return (each for each in store.all(Kind.DEPLOYMENT) if id in versions_in_use(store, each))
        case Kind.SECRET:
            return users_of(store, id)
        case Kind.PROJECT:
            return (each for owned in OWNED for each in store.all(owned) if each.spec.get("project") == id)
    return ()
