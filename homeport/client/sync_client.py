"""The SDK without asyncio: the same methods, each waiting for its answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import refuse_in_event_loop, step_through
from homeport.client.collection import (
    AccessTokenCollection,
    Collection,
    DeploymentCollection,
    NodeCollection,
    Spec,
    UserCollection,
)
from homeport.client.contexts import Context
from homeport.client.resource import Applied, Edited, Resource
from homeport.client.watch import Watched

T = TypeVar("T")


class SyncCollection:
    def __init__(self, runner: asyncio.Runner, inner: Collection) -> None:
        self._runner = runner
        self._inner = inner

    def list(
        self,
        *,
        limit: int | None = None,
        sort: str = "",
        labels: Mapping[str, str] | None = None,
        **filters: str,
    ) -> list[Resource]:
        return self._runner.run(self._inner.list(limit=limit, sort=sort, labels=labels, **filters))

    def each(
        self,
        *,
        limit: int | None = None,
        sort: str = "",
        labels: Mapping[str, str] | None = None,
        **filters: str,
    ) -> Iterator[Resource]:
        return step_through(self._runner, self._inner.each(limit=limit, sort=sort, labels=labels, **filters))

    def get(self, object_id: str) -> Resource:
        return self._runner.run(self._inner.get(object_id))

    def create(self, spec: Spec, *, dry_run: bool = False, create_missing: bool = False) -> Resource:
        return self._runner.run(self._inner.create(spec, dry_run=dry_run, create_missing=create_missing))

    def edit(
        self, object_id: str, patch: Mapping[str, Any], *, generation: int | None = None, dry_run: bool = False
    ) -> Edited:
        return self._runner.run(self._inner.edit(object_id, patch, generation=generation, dry_run=dry_run))

    def impact(self, object_id: str) -> dict[str, Any]:
        return self._runner.run(self._inner.impact(object_id))

    def delete(self, object_id: str) -> None:
        self._runner.run(self._inner.delete(object_id))


class SyncNodeCollection(SyncCollection):
    def __init__(self, runner: asyncio.Runner, inner: NodeCollection) -> None:
        super().__init__(runner, inner)
        self._nodes = inner

    def lock(self, object_id: str, reason: str = "", *, stop_models: bool = False) -> Resource:
        return self._runner.run(self._nodes.lock(object_id, reason, stop_models=stop_models))

    def unlock(self, object_id: str) -> Resource:
        return self._runner.run(self._nodes.unlock(object_id))

    def approve(self, object_id: str) -> Resource:
        return self._runner.run(self._nodes.approve(object_id))

    def reject(self, object_id: str) -> None:
        self._runner.run(self._nodes.reject(object_id))

    def cordon(self, object_id: str, reason: str = "") -> Resource:
        return self._runner.run(self._nodes.cordon(object_id, reason))

    def uncordon(self, object_id: str) -> Resource:
        return self._runner.run(self._nodes.uncordon(object_id))

    def drain(
        self, object_id: str, reason: str = "", *, deadline_seconds: float = 600, force: bool = False
    ) -> Resource:
        drained = self._nodes.drain(object_id, reason, deadline_seconds=deadline_seconds, force=force)
        return self._runner.run(drained)

    def undrain(self, object_id: str) -> Resource:
        return self._runner.run(self._nodes.undrain(object_id))

    def clear_gpu(self, object_id: str, uuid: str) -> Resource:
        return self._runner.run(self._nodes.clear_gpu(object_id, uuid))

    def release_brake(self) -> None:
        self._runner.run(self._nodes.release_brake())

    def drain_plan(self, object_id: str) -> dict[str, Any]:
        return self._runner.run(self._nodes.drain_plan(object_id))


class SyncDeploymentCollection(SyncCollection):
    def __init__(self, runner: asyncio.Runner, inner: DeploymentCollection) -> None:
        super().__init__(runner, inner)
        self._deployments = inner

    def stop(self, object_id: str) -> Resource:
        return self._runner.run(self._deployments.stop(object_id))

    def start(self, object_id: str) -> Resource:
        return self._runner.run(self._deployments.start(object_id))

    def restart(self, object_id: str) -> Resource:
        return self._runner.run(self._deployments.restart(object_id))

    def scale(
        self,
        object_id: str,
        replicas: int | None = None,
        *,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        auto: bool = False,
    ) -> Resource:
        scaled = self._deployments.scale(
            object_id, replicas, min_replicas=min_replicas, max_replicas=max_replicas, auto=auto
        )
        return self._runner.run(scaled)

    def pause_autoscaling(self, object_id: str) -> Resource:
        return self._runner.run(self._deployments.pause_autoscaling(object_id))

    def split(
        self,
        object_id: str,
        shares: Mapping[int, int] | None = None,
        *,
        revision: int | None = None,
        percent: int | None = None,
        dry_run: bool = False,
    ) -> Resource:
        divided = self._deployments.split(object_id, shares, revision=revision, percent=percent, dry_run=dry_run)
        return self._runner.run(divided)

    def promote(self, object_id: str, revision: int | None = None, *, dry_run: bool = False) -> Resource:
        return self._runner.run(self._deployments.promote(object_id, revision, dry_run=dry_run))

    def rollback(self, object_id: str, revision: int | None = None, *, dry_run: bool = False) -> Resource:
        return self._runner.run(self._deployments.rollback(object_id, revision, dry_run=dry_run))

    def explain(self, object_id: str) -> dict[str, Any]:
        return self._runner.run(self._deployments.explain(object_id))

    def cold_starts(self, object_id: str, *, limit: int | None = None, **filters: str) -> Iterator[dict[str, Any]]:
        return step_through(self._runner, self._deployments.cold_starts(object_id, limit=limit, **filters))

    def scaling_history(self, object_id: str, *, limit: int | None = None, **filters: str) -> Iterator[dict[str, Any]]:
        return step_through(self._runner, self._deployments.scaling_history(object_id, limit=limit, **filters))

    def replica_faults(self, object_id: str, *, limit: int | None = None, **filters: str) -> Iterator[dict[str, Any]]:
        return step_through(self._runner, self._deployments.replica_faults(object_id, limit=limit, **filters))

    def traffic(self, object_id: str, *, limit: int | None = None, **filters: str) -> Iterator[dict[str, Any]]:
        return step_through(self._runner, self._deployments.traffic(object_id, limit=limit, **filters))


class SyncUserCollection(SyncCollection):
    def __init__(self, runner: asyncio.Runner, inner: UserCollection) -> None:
        super().__init__(runner, inner)
        self._users = inner

    def set_password(self, object_id: str, password: str, current: str | None = None) -> None:
        self._runner.run(self._users.set_password(object_id, password, current))


class SyncAccessTokenCollection(SyncCollection):
    def __init__(self, runner: asyncio.Runner, inner: AccessTokenCollection) -> None:
        super().__init__(runner, inner)
        self._tokens = inner

    def make(self, name: str, **limits: Any) -> dict[str, Any]:
        return self._runner.run(self._tokens.make(name, **limits))

    def rotate(self, token_id: str, overlap_seconds: float = 0) -> dict[str, Any]:
        return self._runner.run(self._tokens.rotate(token_id, overlap_seconds))

    def change(self, token_id: str, **fields: Any) -> Resource:
        return self._runner.run(self._tokens.change(token_id, **fields))

    def site_usage(self, token_id: str) -> dict[str, Any]:
        return self._runner.run(self._tokens.site_usage(token_id))


class Client:
    """`with Client() as homeport:`. Not for use inside a running event loop: there use AsyncClient."""

    def __init__(self, context: Context | None = None) -> None:
        self._inner = AsyncClient(context)
        self._runner = asyncio.Runner()
        self.context = self._inner.context
        self.clusters = SyncCollection(self._runner, self._inner.clusters)
        self.nodepools = SyncCollection(self._runner, self._inner.nodepools)
        self.instance_types = SyncCollection(self._runner, self._inner.instance_types)
        self.nodes = SyncNodeCollection(self._runner, self._inner.nodes)
        self.models = SyncCollection(self._runner, self._inner.models)
        self.deployments = SyncDeploymentCollection(self._runner, self._inner.deployments)
        self.projects = SyncCollection(self._runner, self._inner.projects)
        self.secrets = SyncCollection(self._runner, self._inner.secrets)
        self.join_tokens = SyncCollection(self._runner, self._inner.join_tokens)
        self.users = SyncUserCollection(self._runner, self._inner.users)
        self.service_accounts = SyncCollection(self._runner, self._inner.service_accounts)
        self.teams = SyncCollection(self._runner, self._inner.teams)
        self.role_bindings = SyncCollection(self._runner, self._inner.role_bindings)
        self.access_tokens = SyncAccessTokenCollection(self._runner, self._inner.access_tokens)

    def __enter__(self) -> Self:
        refuse_in_event_loop()
        self._run(self._inner.__aenter__())
        return self

    def __exit__(self, *exit_info: Any) -> None:
        self._run(self._inner.__aexit__(*exit_info))
        self._runner.close()

    def model_versions(self, model: str) -> SyncCollection:
        return SyncCollection(self._runner, self._inner.model_versions(model))

    def revisions(self, deployment: str) -> list[Resource]:
        return self._run(self._inner.revisions(deployment))

    def placements(self, **filters: str) -> list[Resource]:
        return self._run(self._inner.placements(**filters))

    def replicas(self, **filters: str) -> list[dict[str, Any]]:
        return self._run(self._inner.replicas(**filters))

    def apply(
        self, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False, create_missing: bool = False
    ) -> list[Applied]:
        return self._run(self._inner.apply(documents, dry_run=dry_run, create_missing=create_missing))

    def find_nodepool(self, nodepool: str) -> str:
        return self._run(self._inner.find_nodepool(nodepool))

    def create_join_token(self, nodepool: str, ttl_seconds: int = 300) -> dict[str, Any]:
        return self._run(self._inner.create_join_token(nodepool, ttl_seconds))

    def whoami(self) -> dict[str, Any]:
        return self._run(self._inner.whoami())

    def status(self) -> dict[str, Any]:
        return self._run(self._inner.status())

    def gateways(self) -> list[dict[str, Any]]:
        return self._run(self._inner.gateways())

    def scale_gateway(self, workers: int, gateway: str = "central") -> dict[str, Any]:
        return self._run(self._inner.scale_gateway(workers, gateway))

    def create_gateway_token(self, gateway: str, ttl_seconds: int = 300) -> dict[str, Any]:
        return self._run(self._inner.create_gateway_token(gateway, ttl_seconds))

    def remove_gateway(self, gateway: str) -> None:
        self._run(self._inner.remove_gateway(gateway))

    def rebalance(self, *, dry_run: bool = False, **wanted: Any) -> dict[str, Any]:
        return self._run(self._inner.rebalance(dry_run=dry_run, **wanted))

    def last_rebalance(self) -> dict[str, Any] | None:
        return self._run(self._inner.last_rebalance())

    def stop_rebalance(self) -> dict[str, Any]:
        return self._run(self._inner.stop_rebalance())

    def audit(self, *, limit: int | None = None, **filters: str) -> Iterator[dict[str, Any]]:
        return self._each(self._inner.audit(limit=limit, **filters))

    def audit_export(self, **filters: str) -> Iterator[str]:
        return self._each(self._inner.audit_export(**filters))

    def watch(self, *topics: str, gather_seconds: float = 0.0) -> Iterator[Watched]:
        return self._each(self._inner.watch(*topics, gather_seconds=gather_seconds))

    def logs(
        self, deployment: str, *, tail: int = 100, follow: bool = False, replica: str = "", previous: int = 0
    ) -> Iterator[str]:
        return self._each(self._inner.logs(deployment, tail=tail, follow=follow, replica=replica, previous=previous))

    def chat(
        self,
        deployment: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        on_waiting: Callable[[str], None] | None = None,
        **options: Any,
    ) -> Iterator[str]:
        return self._each(self._inner.chat(deployment, messages, on_waiting=on_waiting, **options))

    def invoke(self, deployment: str, path: str, body: Any) -> Any:
        return self._run(self._inner.invoke(deployment, path, body))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        return step_through(self._runner, items)
