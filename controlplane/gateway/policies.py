"""Feeds the gateway: what the store says of deployments becomes the policy half of its routes."""

from collections.abc import Iterable, Iterator

from controlplane.fleet.clusters import cluster_labels
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.revisions import workload_of
from controlplane.fleet.tracks import shares_now, track_of
from controlplane.store.follow import follow
from controlplane.store.store import Change, Index, Kind, Record, Store
from homeport.core.rollout.share import percent_of
from homeport.gateway.routing.routes import PolicyTable, RevisionRoute, RoutePolicy
from homeport.schema.deployment import DeploymentSpec


class GatewayPolicies:
    """Keeps a policy table equal to the store. Requests read the table alone, never the store."""

    def __init__(self, store: Store, table: PolicyTable) -> None:
        self._store = store
        self._table = table
        self._deployment_of: dict[str, str] = {}

    async def follow_store(self) -> None:
        """Until the store closes."""
        await follow(self._store, self.load, self.update)

    def load(self) -> None:
        self._deployment_of = {p.id: p.spec["deployment_id"] for p in self._store.all(Kind.PLACEMENT)}
        known = {deployment.id for deployment in self._store.all(Kind.DEPLOYMENT)}
        self._put(known | {policy.deployment_id for policy in self._table})

    def update(self, changes: list[Change]) -> None:
        self._put(self._concerned(changes))

    def _concerned(self, changes: Iterable[Change]) -> set[str]:
        """Ids of the deployments whose route these changes may touch."""
        found: set[str] = set()
        for change in changes:
            match change.kind:
                case Kind.DEPLOYMENT:
                    found.add(change.id)
                case Kind.REVISION:
                    found.add(change.id.rpartition("/")[0])
                case Kind.PLACEMENT:
                    if change.record is not None:
                        self._deployment_of[change.id] = change.record.spec["deployment_id"]
                    if change.id in self._deployment_of:
                        found.add(self._deployment_of[change.id])
                    if change.record is None:
                        self._deployment_of.pop(change.id, None)
                case Kind.CLUSTER:
                    found.update(route.deployment_id for route in self._table if route.policy.residency)
                case Kind.MODEL:
                    found.update(d.id for d in self._store.find(Index.DEPLOYMENTS_OF_MODEL, change.id))
        return found

    def _put(self, deployment_ids: set[str]) -> None:
        for deployment_id in deployment_ids:
            policy = self._policy(deployment_id, self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, deployment_id))
            if policy is None:
                self._table.remove(deployment_id)
            else:
                self._table.put(policy)

    def _policy(self, deployment_id: str, placements: list[Record]) -> RoutePolicy | None:
        deployment = self._store.get(Kind.DEPLOYMENT, deployment_id)
        if deployment is None:
            return None
        number = deployment.status.get("revision", 0)
        revision = self._store.get(Kind.REVISION, f"{deployment_id}/{number}")
        if revision is None:
            return None
        workload = workload_of(revision)
        revisions = tuple(self._revisions(deployment, placements))
        model = self._store.get(Kind.MODEL, _model_of(deployment))
        return RoutePolicy(
            deployment_id=deployment_id,
            model_id=_model_of(deployment),
            served_model_name=workload.served_model_name,
            is_default_of_model=model is not None and model.spec["default_deployment"] == deployment_id,
            placements=_terms(p for p in placements if track_of(p) == deployment_id),
            concurrency=workload.concurrency,
            policy=DeploymentSpec.model_validate(deployment.spec).policy(),
            revision=number,
            created_at=deployment.created_at,
            project=deployment.spec.get("project", ""),
            nodepools=tuple(nodepools_of(deployment.spec)),
            sites=self._sites(placements) if deployment.spec.get("residency") else {},
            revisions=revisions,
        )

    def _revisions(self, deployment: Record, placements: list[Record]) -> Iterator[RevisionRoute]:
        """Those that run side by side, also where they get no requests."""
        shares = shares_now(deployment)
        for track, own in deployment.status.get("tracks", {}).items():
            revision = self._store.get(Kind.REVISION, f"{deployment.id}/{own['revision']}")
            if revision is not None:
                workload = workload_of(revision)
                yield RevisionRoute(
                    track,
                    own["revision"],
                    percent_of(shares, own["revision"]),
                    _terms(p for p in placements if track_of(p) == track),
                    workload.concurrency,
                    workload.served_model_name,
                )

    def _sites(self, placements: Iterable[Record]) -> dict[str, dict[str, str]]:
        return {p.spec["node_id"]: cluster_labels(self._store, p.spec["node_id"]) for p in placements}


def _terms(placements: Iterable[Record]) -> dict[str, tuple[int, int, int]]:
    return {p.spec["node_id"]: (p.spec["rank"], p.spec["min_replicas"], p.spec["max_replicas"]) for p in placements}


def _model_of(deployment: Record) -> str:
    model_id: str = deployment.spec["worker"]["model"]["id"]
    return model_id
