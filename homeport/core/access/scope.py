from dataclasses import dataclass
from enum import StrEnum


class ScopeKind(StrEnum):
    ORGANISATION = "organisation"
    PROJECT = "project"
    CLUSTER = "cluster"
    NODEPOOL = "nodepool"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where a role holds. `id` is the object's key (`cluster/nodepool` of a nodepool), empty for the organisation."""

    kind: ScopeKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}" if self.id else str(self.kind)


ORGANISATION = Scope(ScopeKind.ORGANISATION)


def parse_scope(text: str) -> Scope:
    """`organisation`, or `KIND/ID` as `str` gives it. Raises ValueError that says what is possible."""
    kind, _, id = text.partition("/")
    if kind not in set(ScopeKind) or (kind == ScopeKind.ORGANISATION) != (not id):
        kinds = ", ".join(f"{each}/ID" for each in ScopeKind if each is not ScopeKind.ORGANISATION)
        raise ValueError(f"{text!r} is no scope: possible are organisation, {kinds}")
    return Scope(ScopeKind(kind), id)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is. A role that holds in one of `within` holds for the object.

    `parts` are the places on which the object rests, as the nodepools of a deployment: a role that holds in each of
    them holds for the object too, and one that holds in any of them lets it be seen.
    """

    within: frozenset[Scope] = frozenset({ORGANISATION})
    parts: tuple[frozenset[Scope], ...] = ()


def place_of_project(project: str) -> Place:
    return Place(frozenset({ORGANISATION, *_project(project)}))


def place_of_cluster(cluster: str) -> Place:
    return Place(frozenset({ORGANISATION, Scope(ScopeKind.CLUSTER, cluster)}))


def place_of_nodepool(cluster: str, nodepool: str, project: str = "") -> Place:
    """`project`: to which it is dedicated."""
    return Place(frozenset({ORGANISATION, *_nodepool(f"{cluster}/{nodepool}"), *_project(project)}))


def place_of_deployment(deployment: str, project: str, nodepools: tuple[str, ...]) -> Place:
    """`nodepools` are keys, `cluster/nodepool`."""
    return Place(
        frozenset({ORGANISATION, Scope(ScopeKind.DEPLOYMENT, deployment), *_project(project)}),
        tuple(frozenset(_nodepool(key)) for key in nodepools),
    )


def _project(project: str) -> tuple[Scope, ...]:
    return (Scope(ScopeKind.PROJECT, project),) if project else ()


def _nodepool(key: str) -> tuple[Scope, ...]:
    return Scope(ScopeKind.NODEPOOL, key), Scope(ScopeKind.CLUSTER, key.partition("/")[0])
