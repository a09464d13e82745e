"""The real API over a memory store, with a clock and agents that only say what a test lets them say."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp

from controlplane.api.app import ROUTES, create_app
from controlplane.api.dependencies import ApiDependencies, Urls
from controlplane.api.listener import serve
from controlplane.api.routing import PREFIX, Route
from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.join_tokens import JoinTokens
from controlplane.auth.oidc.provider import OidcProvider
from controlplane.auth.oidc.settings import OidcSettings
from controlplane.auth.token_facts import facts_in
from controlplane.fleet.fleet_view import FleetView
from controlplane.ports import reserve
from controlplane.secrets.master_key import MasterKeys, new_key
from controlplane.secrets.vault import Vault
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.failing import FailingStore
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.gateway.callers.access_tokens import AccessTokens
from tests.fakes.clock import FakeClock


@dataclass(slots=True)
class ScriptedLogs:
    """`chunks`: replica id -> what it says; an error is raised in its turn. A followed replica then stays silent."""

    chunks: dict[str, list[bytes | HomeportError]] = field(default_factory=dict)
    failures: dict[str, list[bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, int, bool]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def lines(self, replica_id: str, node_id: str, tail: int, follow: bool) -> AsyncIterator[bytes]:
        self.asked.append((replica_id, node_id, tail, follow))
        try:
            for chunk in self.chunks.get(replica_id, []):
                if isinstance(chunk, HomeportError):
                    raise chunk
                yield chunk
            if follow:
                await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def previous(self, deployment_id: str, node_id: str, replica: str, back: int) -> AsyncIterator[bytes]:
        """`failures`: node id -> what it kept, newest first."""
        kept = [text for text in self.failures.get(node_id, []) if replica.encode() in text]
        if back > len(kept):
            raise HomeportError(ErrorCode.UNAVAILABLE, "no such failure is kept on this node")
        yield kept[back - 1]


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def error(self) -> dict[str, str]:
        assert self.status >= 400, self.body
        found: dict[str, str] = self.body["error"]
        return found


class ControlApi:
    """`call` checks every answer against what the route declares: its status, and the form of its body."""

    # As the first one has served it: it is the same for all, and slow to make.
    document: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        guesses: Guesses | None = None,
        public_url: str = "",
        oidc: OidcSettings | None = None,
        metrics_open: bool = False,
    ) -> None:
        self.clock = FakeClock()
        self.wall = FakeClock(1_700_000_000.0)
        self.store = FailingStore(MemoryStore(self.wall))
        self.registry = NodeRegistry(self.clock, wall=lambda: 1_700_000_000.0 + self.clock())
        self.logs = ScriptedLogs()
        # As GET /gateways shows them.
        self.gateway_workers: list[dict[str, Any]] = []
        self.token = ""
        self.url = ""
        urls = Urls("http://127.0.0.1:8080", "http://127.0.0.1:8000", "host.example:8442", public_url)
        self.dependencies = ApiDependencies(
            self.store,
            self.registry,
            FleetView(self.store, self.registry, self.wall),
            AccessTokens(facts_in(self.store), self.wall),
            JoinTokens("pin"),
            self.logs,
            urls,
            self.clock,
            "1.2.3",
            Vault(MasterKeys((new_key(),))),
            install_command=lambda token: f"install with {token}",
            guesses=guesses or Guesses(),
            oidc=OidcProvider(oidc, self.clock, self.wall) if oidc else None,
            metrics_open=metrics_open,
            gateway_workers=lambda: self.gateway_workers,
        )
        self._app = create_app(self.dependencies)
        self._routes = {(r.method, PREFIX + r.path): r for r in self._app[ROUTES]}
        self._session: aiohttp.ClientSession | None = None
        self._users = 0

    @property
    def routes(self) -> list[Route]:
        return self._app[ROUTES]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ControlApi"]:
        await self.store.open()
        self.token = await self.store.write(create_admin_token)
        runner = await serve(self._app, reserve("127.0.0.1", 0, ""))
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as self._session:
                if not ControlApi.document:
                    ControlApi.document = (await self.call("GET", "/openapi.json")).body
                yield self
        finally:
            await runner.cleanup()
            await self.store.close()

    async def call(self, method: str, path: str, json: Any = None, **options: Any) -> Answered:
        """`path` is below /api/v1. The token is sent unless `headers` says otherwise."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        if json is not None:
            options["json"] = json
        async with self.session.request(method, self.url + PREFIX + path, headers=headers, **options) as response:
            is_json = response.content_type == "application/json"
            body = await response.json() if is_json else await response.text(errors="replace")
            answered = Answered(response.status, body, response.headers)
            assert response.headers["X-Request-Id"]
        self._check(method, path, answered)
        return answered

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session

    def _check(self, method: str, path: str, answered: Answered) -> None:
        if answered.status >= 400:
            assert set(answered.error) - {"details"} == {"code", "message", "hint", "path", "request_id"}
            assert answered.error["message"]
            assert "Traceback" not in str(answered.body)
        match = next((r for (m, p), r in self._routes.items() if m == method and _matches(p, PREFIX + path)), None)
        if match is None:
            return
        declared = self.document["paths"][PREFIX + match.path][method.lower()]["responses"]
        assert str(answered.status) in declared, f"{method} {path} answered {answered.status}, which is not declared"
        if answered.status < 300 and match.response is not None:
            for item in answered.body["items"] if match.many else [answered.body]:
                match.response.model_validate(item, strict=False)
                required = {name for name, field in match.response.model_fields.items() if field.is_required()}
                assert required <= set(item), "a declared field is missing"

    async def put_node(
        self,
        name: str,
        nodepool: str = "office/gpu",
        *,
        connected: bool = True,
        hostname: str = "",
        waits_since: float | None = None,
        **inventory: Any,
    ) -> str:
        """An enrolled node, and an agent that says what it has."""
        cluster, pool = nodepool.split("/")
        node_id = f"node-{name}"
        spec: dict[str, Any] = {"name": name, "cluster": cluster, "nodepool": pool, "hostname": hostname or name}
        if waits_since is not None:
            spec["waits_since"] = waits_since
        await self.store.write(lambda tx: tx.create(Kind.NODE, node_id, spec, {"epoch": 0}))
        if connected:
            has = {"cpu_milli": 8000, "memory_bytes": 16 * 2**30, "drivers": ("process",), **inventory}
            self.registry.connected(node_id, 1, Inventory(name, **has), "1.0.0")
        return node_id

    async def place(self, deployment_id: str, node_id: str) -> None:
        spec = {
            "deployment_id": deployment_id,
            "node_id": node_id,
            "revision": 1,
            "rank": 0,
            "min_replicas": 1,
            "max_replicas": 1,
            "devices": [],
        }
        await self.store.write(lambda tx: tx.create(Kind.PLACEMENT, f"{deployment_id}-on-{node_id}", spec))

    def report(self, node_id: str, replica_id: str, status: ReplicaStatus, **more: Any) -> None:
        report = ReplicaReport(replica_id, "p", more.pop("deployment_id", "chat"), 1, status, **more)
        self.registry.set_replicas(node_id, [report])

    async def token_of(self, *roles: str, user: str = "", **limits: Any) -> str:
        """Of a new user who holds these: `deployer project/web`. `limits` are those of the token."""
        self._users += 1
        user = user or f"user-{self._users}"
        assert (await self.call("POST", "/users", {"id": user})).status == 201
        for number, held in enumerate(roles):
            role, _, scope = held.partition(" ")
            binding = {"id": f"{user}-{number}", "role": role, "subject": f"user/{user}"}
            made = await self.call("POST", "/role-bindings", binding | {"scope": scope or "organisation"})
            assert made.status == 201, made.body
        spec = {"name": "test", "owner": f"user/{user}", **limits}
        made = await self.call("POST", "/access-tokens", spec)
        assert made.status == 201, made.body
        return str(made.body["token"])

    async def call_as(self, token: str, method: str, path: str, json: Any = None, **options: Any) -> Answered:
        return await self.call(method, path, json, headers={"Authorization": f"Bearer {token}"}, **options)

    async def put_parents(self) -> None:
        """A cluster with a nodepool, a model with a version."""
        assert (await self.call("POST", "/clusters", {"id": "office"})).status == 201
        assert (await self.call("POST", "/nodepools", POOL)).status == 201
        assert (await self.call("POST", "/models", {"id": "smollm2"})).status == 201
        assert (await self.call("POST", "/models/smollm2/versions", VERSION)).status == 201


POOL = {"id": "gpu", "compute_cluster": {"id": "office"}}
VERSION = {"id": "v1", "command": ["serve", "--port", "{port}"]}
DEPLOYMENT = {"id": "chat", "worker": {"model": {"id": "smollm2"}}, "nodepools": [POOL]}


def _matches(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.partition("?")[0].split("/")
    return len(wanted) == len(given) and all(w.startswith("{") or w == g for w, g in zip(wanted, given, strict=True))
