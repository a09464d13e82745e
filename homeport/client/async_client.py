"""The SDK for asyncio."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel

from homeport.client import paths
from homeport.client.chat import text_of_events
from homeport.client.contexts import Context, resolve_context
from homeport.client.paths import KindPath
from homeport.client.resource import Applied, Resource
from homeport.client.transport import Transport

Spec = BaseModel | Mapping[str, Any]


class Collection:
    """Objects of one kind. Ids are written as in the CLI: `nodepools.get("office/gpu")`."""

    def __init__(self, transport: Transport, path: KindPath, parent: str = "") -> None:
        self._transport = transport
        self._path = path
        self._parent = parent

    async def list(self, **filters: str) -> list[Resource]:
        """Filters are the API's query parameters: `nodes.list(nodepool="office/gpu")`."""
        answer = await self._transport.call("GET", self._path.listing_path(self._parent), params=filters)
        return [Resource.from_plain(item) for item in answer["items"]]

    async def get(self, object_id: str) -> Resource:
        return Resource.from_plain(await self._transport.call("GET", self._path.item_path(object_id)))

    async def create(self, spec: Spec) -> Resource:
        """`spec` is an object of homeport.schema or the same as a mapping. Raises ALREADY_EXISTS."""
        body = plain_spec(spec)
        return Resource.from_plain(await self._transport.call("POST", self._path.listing_path(self._parent), body=body))

    async def delete(self, object_id: str) -> None:
        """Raises IN_USE while other objects depend on it."""
        await self._transport.call("DELETE", self._path.item_path(object_id))


class AsyncClient:
    """`async with AsyncClient() as homeport:`; without a context it resolves one as the CLI does."""

    def __init__(self, context: Context | None = None) -> None:
        self.context = context or resolve_context()
        self._transport = Transport(self.context)
        self.clusters = Collection(self._transport, paths.CLUSTERS)
        self.nodepools = Collection(self._transport, paths.NODEPOOLS)
        self.nodes = Collection(self._transport, paths.NODES)
        self.models = Collection(self._transport, paths.MODELS)
        self.deployments = Collection(self._transport, paths.DEPLOYMENTS)
        self.join_tokens = Collection(self._transport, paths.JOIN_TOKENS)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exit_info: Any) -> None:
        await self._transport.__aexit__(*exit_info)

    def model_versions(self, model: str) -> Collection:
        """The versions of one model. `get` and `delete` take MODEL/VERSION."""
        return Collection(self._transport, paths.MODEL_VERSIONS, model)

    async def revisions(self, deployment: str) -> list[Resource]:
        """The deployment's workloads over time, each immutable."""
        answer = await self._transport.call("GET", f"{paths.DEPLOYMENTS.item_path(deployment)}/revisions")
        return [Resource.from_plain(item) for item in answer["items"]]

    async def placements(self, **filters: str) -> list[Resource]:
        """Budgets: which node may run how many replicas of what. Filters: deployment, node."""
        answer = await self._transport.call("GET", "placements", params=filters)
        return [Resource.from_plain(item) for item in answer["items"]]

    async def replicas(self, **filters: str) -> list[dict[str, Any]]:
        """What runs, as the agents last reported it. Filters: deployment, node."""
        items: list[dict[str, Any]] = (await self._transport.call("GET", "replicas", params=filters))["items"]
        return items

    async def apply(self, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Applied]:
        """Writes all documents in one transaction, or none of them. Each is `{root key: spec}`, as in YAML."""
        body = {"documents": [dict(document) for document in documents], "dry_run": dry_run}
        answer = await self._transport.call("POST", "apply", body=body)
        return [Applied(item["kind"], item["id"], item["action"]) for item in answer["results"]]

    async def create_join_token(self, nodepool: str, ttl_seconds: int = 300) -> dict[str, Any]:
        """`token` and the `command` to run on the host: shown this once. `nodepool` is CLUSTER/NODEPOOL."""
        paths.NODEPOOLS.item_path(nodepool)
        cluster, pool = nodepool.split("/")
        body = {"nodepool": {"id": pool, "compute_cluster": {"id": cluster}}, "ttl_seconds": ttl_seconds}
        return await self._transport.call("POST", "join-tokens", body=body)

    async def status(self) -> dict[str, Any]:
        """What runs: version, uptime_seconds, and nodes, deployments, replicas as {ready, total}."""
        return await self._transport.call("GET", "status")

    async def logs(
        self, deployment: str, *, tail: int = 100, follow: bool = False, replica: str = ""
    ) -> AsyncIterator[str]:
        """Lines of the deployment's replicas. With `follow` it ends only when the replicas do."""
        params = {"tail": str(tail), "follow": "true" if follow else "false"}
        if replica:
            params["replica"] = replica
        url = f"{self.context.api}/api/v1/{paths.DEPLOYMENTS.item_path(deployment)}/logs"
        async with self._transport.stream("GET", url, params=params) as response:
            async for line in response.content:
                yield line.decode("utf-8", "replace").rstrip("\n")

    async def chat(self, deployment: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> AsyncIterator[str]:
        """The answer's text, piece by piece, through the gateway. `options` go into the request: max_tokens=64."""
        body = {"model": deployment, "messages": [dict(message) for message in messages], **options, "stream": True}
        url = f"{self.context.gateway}/v1/chat/completions"
        async with self._transport.stream("POST", url, body=body) as response:
            async for text in text_of_events(response.content):
                yield text


def plain_spec(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_unset=True) if isinstance(spec, BaseModel) else dict(spec)
