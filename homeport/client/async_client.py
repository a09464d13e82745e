"""The SDK for asyncio."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

from homeport.client import paths
from homeport.client.chat import PROGRESS, text_of_events
from homeport.client.collection import (
    AccessTokenCollection,
    Collection,
    DeploymentCollection,
    NodeCollection,
    UserCollection,
)
from homeport.client.contexts import Context, resolve_context
from homeport.client.nodepool_key import find_nodepool
from homeport.client.paging import each_item
from homeport.client.resource import Applied, Resource
from homeport.client.transport import Transport
from homeport.client.watch import Watched, watch
from homeport.core.errors import ErrorCode, HomeportError


class AsyncClient:
    """`async with AsyncClient() as homeport:`; without a context it resolves one as the CLI does."""

    def __init__(self, context: Context | None = None) -> None:
        self.context = context or resolve_context()
        self._transport = Transport(self.context)
        self.clusters = Collection(self._transport, paths.CLUSTERS)
        self.nodepools = Collection(self._transport, paths.NODEPOOLS)
        self.instance_types = Collection(self._transport, paths.INSTANCE_TYPES)
        self.nodes = NodeCollection(self._transport, paths.NODES)
        self.models = Collection(self._transport, paths.MODELS)
        self.deployments = DeploymentCollection(self._transport, paths.DEPLOYMENTS)
        self.projects = Collection(self._transport, paths.PROJECTS)
        self.secrets = Collection(self._transport, paths.SECRETS)
        self.join_tokens = Collection(self._transport, paths.JOIN_TOKENS)
        self.users = UserCollection(self._transport, paths.USERS)
        self.service_accounts = Collection(self._transport, paths.SERVICE_ACCOUNTS)
        self.teams = Collection(self._transport, paths.TEAMS)
        self.role_bindings = Collection(self._transport, paths.ROLE_BINDINGS)
        self.access_tokens = AccessTokenCollection(self._transport, paths.ACCESS_TOKENS)

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
        path = f"{paths.DEPLOYMENTS.item_path(deployment)}/revisions"
        return [Resource.from_plain(item) async for item in each_item(self._transport, path, {})]

    async def placements(self, **filters: str) -> list[Resource]:
        """Budgets: which node may run how many replicas of what. Filters: deployment, node."""
        return [Resource.from_plain(item) async for item in each_item(self._transport, "placements", filters)]

    async def replicas(self, **filters: str) -> list[dict[str, Any]]:
        """What runs, as the agents last reported it. Filters: deployment, node."""
        return [item async for item in each_item(self._transport, "replicas", filters)]

    async def apply(
        self, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False, create_missing: bool = False
    ) -> list[Applied]:
        """Writes all documents in one transaction, or none of them. Each is `{root key: spec}`, as in YAML.

        `create_missing` makes clusters and nodepools on the way that deployments name.
        """
        body: dict[str, Any] = {"documents": [dict(document) for document in documents], "dry_run": dry_run}
        if create_missing:
            body["create_missing"] = True
        answer = await self._transport.call("POST", "apply", body=body, repeatable=dry_run)
        return [Applied.from_plain(item) for item in answer["results"]]

    async def find_nodepool(self, nodepool: str) -> str:
        """CLUSTER/NODEPOOL of a nodepool's id alone. Raises NOT_FOUND, INVALID_ARGUMENT when several have that id."""
        return await find_nodepool(self.nodepools, nodepool)

    async def create_join_token(self, nodepool: str, ttl_seconds: int = 300) -> dict[str, Any]:
        """`token` and the `command` to run on the host: shown this once. `nodepool` is CLUSTER/NODEPOOL."""
        paths.NODEPOOLS.item_path(nodepool)
        cluster, pool = nodepool.split("/")
        body = {"nodepool": {"id": pool, "compute_cluster": {"id": cluster}}, "ttl_seconds": ttl_seconds}
        return await self._transport.call("POST", "join-tokens", body=body)

    async def whoami(self) -> dict[str, Any]:
        """`subject`, its `roles` [{role, scope}], and what the token is limited to: `permissions`, `models`."""
        return await self._transport.call("GET", "whoami")

    async def status(self) -> dict[str, Any]:
        """What runs: version, uptime_seconds, and nodes, deployments, replicas as {ready, total}."""
        return await self._transport.call("GET", "status")

    async def gateways(self) -> list[dict[str, Any]]:
        """Each with its `url`, `wanted_workers`, `workers` [{id, pid, state, version, nodes}]; those on hosts of their
        own also with `host`, `tunnels`, `state`, `connected_since`, `last_heard`, `problem`."""
        found: list[dict[str, Any]] = (await self._transport.call("GET", "gateways"))["items"]
        return found

    async def scale_gateway(self, workers: int, gateway: str = "central") -> dict[str, Any]:
        """The gateway, which gets there by and by. Raises CONFLICT where it has no workers of its own."""
        path = f"gateways/{quote(gateway, safe='')}/scale"
        return await self._transport.call("POST", path, body={"workers": workers}, repeatable=True)

    async def create_gateway_token(self, gateway: str, ttl_seconds: int = 300) -> dict[str, Any]:
        """`token`, with which one host becomes this gateway, the `command` to run there, and `expires_at`."""
        path = f"gateways/{quote(gateway, safe='')}/join-token"
        return await self._transport.call("POST", path, body={"ttl_seconds": ttl_seconds})

    async def remove_gateway(self, gateway: str) -> None:
        """One on a host of its own."""
        await self._transport.call("DELETE", f"gateways/{quote(gateway, safe='')}")

    async def rebalance(self, *, dry_run: bool = False, **wanted: Any) -> dict[str, Any]:
        """Moves a few replicas: `clearings`, each with its `moves`, and figures `before` and `after`. Fields: cluster,
        nodepool, max_moves_percent, at_once, move_seconds, deadline_seconds. Raises CONFLICT while another goes on."""
        body = {**wanted, "dry_run": dry_run}
        return await self._transport.call("POST", "rebalance", body=body, repeatable=dry_run)

    async def last_rebalance(self) -> dict[str, Any] | None:
        """The same, with the `state` of each move. None = there was none yet."""
        found: dict[str, Any] | None = (await self._transport.call("GET", "rebalance"))["rebalance"]
        return found

    async def stop_rebalance(self) -> dict[str, Any]:
        """No more moves are begun. Raises CONFLICT when none goes on."""
        return await self._transport.call("POST", "rebalance/stop", body={})

    async def audit(self, *, limit: int | None = None, **filters: str) -> AsyncIterator[dict[str, Any]]:
        """Who has changed what, or was denied; newest first. Filters: actor, kind, object_id, action, result, address,
        request_id, since and until (unix seconds)."""
        async for entry in each_item(self._transport, "audit", filters, limit):
            yield entry

    async def audit_export(self, **filters: str) -> AsyncIterator[str]:
        """The same as lines of JSON, oldest first."""
        url = f"{self.context.api}/api/v1/audit/export"
        async with self._transport.stream("GET", url, params=filters) as response:
            async for line in response.content:
                yield line.decode().rstrip("\n")

    def watch(self, *topics: str, gather_seconds: float = 0.0) -> AsyncGenerator[Watched, None]:
        """What is there now, and again after every change. Topics: deployments, nodes, replicas, ...

        Leave the loop to end it. `gather_seconds` puts changes together that come shortly after one another. A lost
        connection is made anew and goes on where it broke off.
        """
        return watch(self._transport, topics, gather_seconds)

    async def logs(
        self, deployment: str, *, tail: int = 100, follow: bool = False, replica: str = "", previous: int = 0
    ) -> AsyncIterator[str]:
        """Lines of the deployment's replicas. With `follow` it ends only when the replicas do. With `previous` what
        was kept of a failure: 1 is the newest, 2 the one before."""
        params = {"tail": str(tail), "follow": "true" if follow else "false"}
        if previous:
            params["previous"] = str(previous)
        if replica:
            params["replica"] = replica
        url = f"{self.context.api}/api/v1/{paths.DEPLOYMENTS.item_path(deployment)}/logs"
        async with self._transport.stream("GET", url, params=params) as response:
            async for line in response.content:
                yield line.decode("utf-8", "replace").rstrip("\n")

    async def chat(
        self,
        deployment: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        on_waiting: Callable[[str], None] | None = None,
        **options: Any,
    ) -> AsyncIterator[str]:
        """The answer's text, piece by piece, through the gateway. `options` go into the request: max_tokens=64.

        `on_waiting` hears how it goes while no replica is free: "waiting for a replica to start, about 4 s".
        """
        body = {"model": deployment, "messages": [dict(message) for message in messages], **options, "stream": True}
        url = f"{self.context.gateway}/v1/chat/completions"
        headers = PROGRESS if on_waiting is not None else None
        async with self._transport.stream("POST", url, body=body, headers=headers) as response:
            async for text in text_of_events(response.content, on_waiting):
                yield text

    async def invoke(self, deployment: str, path: str, body: Any) -> Any:
        """POSTs JSON to any path of the model's own server, and gives the JSON that it answers.

        Raises what the server answered with, UPSTREAM_FAILED when that is not JSON.
        """
        url = f"{self.context.gateway}/d/{paths.DEPLOYMENTS.item_path(deployment).split('/')[1]}/{path.lstrip('/')}"
        async with self._transport.stream("POST", url, body=body) as response:
            try:
                return await response.json(content_type=None)
            except ValueError:
                message = f"{deployment} answered {path} with something that is not JSON"
                raise HomeportError(ErrorCode.UPSTREAM_FAILED, message) from None
