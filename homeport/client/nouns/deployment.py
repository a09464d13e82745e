"""A model version served on nodepools."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.collection import DeploymentCollection
from homeport.client.contexts import Context
from homeport.client.nouns.named import AsyncNamed, Named
from homeport.client.resource import Resource
from homeport.client.sync_client import Client
from homeport.core.errors import ErrorCode, HomeportError


class AsyncDeployment(AsyncNamed):
    def __init__(self, deployment_id: str, user_id: str = "", *, context: Context | None = None) -> None:
        super().__init__(deployment_id, user_id, context)

    def collection(self, homeport: AsyncClient) -> DeploymentCollection:
        return homeport.deployments

    async def stop(self) -> Resource:
        """All replicas end; the deployment stays, and `start` brings it back."""
        async with self.connect() as homeport:
            return await homeport.deployments.stop(self.id)

    async def start(self) -> Resource:
        async with self.connect() as homeport:
            return await homeport.deployments.start(self.id)

    async def restart(self) -> Resource:
        """Replaces every replica by a new one of the same workload."""
        async with self.connect() as homeport:
            return await homeport.deployments.restart(self.id)

    async def scale(
        self,
        replicas: int | None = None,
        *,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        auto: bool = False,
    ) -> Resource:
        """To exactly `replicas`; or to new bounds for the autoscaler; or, with `auto`, back to those that it had."""
        async with self.connect() as homeport:
            return await homeport.deployments.scale(
                self.id, replicas, min_replicas=min_replicas, max_replicas=max_replicas, auto=auto
            )

    async def pause_autoscaling(self) -> Resource:
        """As many replicas as there are stay; scale(auto=True) ends it."""
        async with self.connect() as homeport:
            return await homeport.deployments.pause_autoscaling(self.id)

    async def split(self, shares: Mapping[int, int]) -> Resource:
        """Percent of the requests by revision, 100 together; empty = all to the newest."""
        async with self.connect() as homeport:
            return await homeport.deployments.split(self.id, shares)

    async def promote(self, revision: int | None = None) -> Resource:
        """All requests to one revision, the newest by default, once it is ready for them."""
        async with self.connect() as homeport:
            return await homeport.deployments.promote(self.id, revision)

    async def rollback(self, revision: int | None = None) -> Resource:
        """All requests back to the revision before the newest that has some."""
        async with self.connect() as homeport:
            return await homeport.deployments.rollback(self.id, revision)

    async def explain(self) -> dict[str, Any]:
        """Why it is where it is, why not elsewhere, and what would change that."""
        async with self.connect() as homeport:
            return await homeport.deployments.explain(self.id)

    async def cold_starts(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        """Its starts, newest first, and where their time went."""
        async with self.connect() as homeport:
            return [start async for start in homeport.deployments.cold_starts(self.id, limit=limit)]

    async def scaling_history(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        """Why it has so many replicas: changes on each node, newest first."""
        async with self.connect() as homeport:
            return [change async for change in homeport.deployments.scaling_history(self.id, limit=limit)]

    async def replica_faults(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        """Its replicas that were given no requests for a while, or failed health checks, newest first."""
        async with self.connect() as homeport:
            return [fault async for fault in homeport.deployments.replica_faults(self.id, limit=limit)]

    async def traffic(self, *, limit: int | None = None, **filters: str) -> list[dict[str, Any]]:
        """By the minute, oldest first. Filters: since and until, unix seconds."""
        async with self.connect() as homeport:
            return [minute async for minute in homeport.deployments.traffic(self.id, limit=limit, **filters)]

    async def wait(self, *phases: str, timeout: float | None = None) -> Resource:
        """Until its phase is one of `phases` ("ready" if none is given). Seconds; None = for ever.

        Raises UPSTREAM_FAILED when it fails instead, DEADLINE_EXCEEDED with the reason when time is up.
        """
        last: list[Resource] = []
        try:
            async with (
                asyncio.timeout(timeout),
                self.connect() as homeport,
                contextlib.aclosing(_states(homeport, self.id)) as states,
            ):
                async for resource in states:
                    last[:] = [resource]
                    if resource.status["phase"] in (phases or ("ready",)):
                        return resource
                    if resource.status["phase"] == "failed":
                        raise _failed(resource)
        except TimeoutError:
            state = f"{last[0].status['phase']}: {last[0].status.get('reason', '')}" if last else "not heard of"
            message = f"after {timeout:g} s deployment {self.id} is {state}"
            raise HomeportError(ErrorCode.DEADLINE_EXCEEDED, message) from None
        raise AssertionError("unreachable: a watch ends by an error only")

    async def logs(self, *, tail: int = 100, follow: bool = False) -> AsyncIterator[str]:
        async with self.connect() as homeport:
            async for line in homeport.logs(self.id, tail=tail, follow=follow):
                yield line


class Deployment(Named[AsyncDeployment]):
    def __init__(self, deployment_id: str, user_id: str = "", *, context: Context | None = None) -> None:
        super().__init__(AsyncDeployment(deployment_id, user_id, context=context))

    def stop(self) -> Resource:
        return run(self._inner.stop())

    def start(self) -> Resource:
        return run(self._inner.start())

    def restart(self) -> Resource:
        return run(self._inner.restart())

    def scale(
        self,
        replicas: int | None = None,
        *,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        auto: bool = False,
    ) -> Resource:
        return run(self._inner.scale(replicas, min_replicas=min_replicas, max_replicas=max_replicas, auto=auto))

    def pause_autoscaling(self) -> Resource:
        return run(self._inner.pause_autoscaling())

    def split(self, shares: Mapping[int, int]) -> Resource:
        return run(self._inner.split(shares))

    def promote(self, revision: int | None = None) -> Resource:
        return run(self._inner.promote(revision))

    def rollback(self, revision: int | None = None) -> Resource:
        return run(self._inner.rollback(revision))

    def explain(self) -> dict[str, Any]:
        return run(self._inner.explain())

    def cold_starts(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        return run(self._inner.cold_starts(limit=limit))

    def scaling_history(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        return run(self._inner.scaling_history(limit=limit))

    def replica_faults(self, *, limit: int | None = 100) -> list[dict[str, Any]]:
        return run(self._inner.replica_faults(limit=limit))

    def traffic(self, *, limit: int | None = None, **filters: str) -> list[dict[str, Any]]:
        return run(self._inner.traffic(limit=limit, **filters))

    def wait(self, *phases: str, timeout: float | None = None) -> Resource:
        return run(self._inner.wait(*phases, timeout=timeout))

    def logs(self, *, tail: int = 100, follow: bool = False) -> Iterator[str]:
        with Client(self.context) as homeport:
            yield from homeport.logs(self.id, tail=tail, follow=follow)


async def _states(homeport: AsyncClient, deployment: str) -> AsyncGenerator[Resource, None]:
    """As it changes. Raises NOT_FOUND when there is none, at first or later."""
    yield await homeport.deployments.get(deployment)
    async with contextlib.aclosing(homeport.watch("deployments")) as steps:
        async for watched in steps:
            plain = watched.objects["deployments"].get(deployment)
            if plain is None:
                raise HomeportError(ErrorCode.NOT_FOUND, f"deployment {deployment} is gone")
            yield Resource.from_plain(plain)


def _failed(resource: Resource) -> HomeportError:
    return HomeportError(
        ErrorCode.UPSTREAM_FAILED,
        f"deployment {resource.id} failed: {resource.status.get('reason', '')}",
        hint=f"`homeport logs {resource.id}` shows what its replicas said",
    )
