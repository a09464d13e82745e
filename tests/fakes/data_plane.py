"""The whole way of a request in one process: gateway, TLS tunnels over real sockets, relays, model servers."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from homeport.core.access.grants import Grants
from homeport.core.limits.limits import Limits
from homeport.core.policy import Policy
from homeport.core.waiting import Outlook
from homeport.gateway.gateway import Gateway
from homeport.gateway.routing.routes import PolicyTable, RoutePolicy
from homeport.http1.limits import Timeouts
from homeport.tunnel.server import TunnelServer
from tests.fakes.certs import authority
from tests.fakes.door import FakeDoor
from tests.fakes.principals import ADMINISTRATOR

TOKEN = "hp1.test.secret"
TERMS = DeploymentRelay("chat", 1, 0, 1, 2, 4, 5.0, 16, 60.0, "")


@dataclass(frozen=True)
class TestPrincipal:
    __test__ = False
    token_id: str = "test"
    grants: Grants = ADMINISTRATOR.grants
    models: frozenset[str] | None = None
    limits: Limits | None = None


class Server(Protocol):
    port: int

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class Node:
    """One node's relay and tunnels."""

    def __init__(
        self,
        node_id: str,
        epoch: int = 1,
        outlook: Outlook | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.node_id = node_id
        self.relay = Relay(monotonic, lambda deployment_id: outlook or Outlook())
        self.tunnels = Tunnels(self.relay, lambda: authority().node_tls(node_id), lambda: epoch)


class DataPlane:
    """Use as `async with DataPlane() as plane`. Deployment "chat" of model "tiny" on nodes "node-1", "node-2", ..."""

    def __init__(
        self,
        policy: Policy | None = None,
        timeouts: Timeouts | None = None,
        nodes: int = 1,
        outlook: Outlook | None = None,
        tls: ssl.SSLContext | None = None,
        node_clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        **route: object,
    ) -> None:
        names = [f"node-{number}" for number in range(1, nodes + 1)]
        self.nodes = [Node(name, outlook=outlook, monotonic=node_clock) for name in names]
        self.node = self.nodes[0]
        placements = {node.node_id: (rank, 1, 2) for rank, node in enumerate(self.nodes)}
        self.principals = {TOKEN: TestPrincipal()}
        self.table = PolicyTable()
        self.route = RoutePolicy("chat", "tiny", placements=placements, policy=policy or Policy())
        self.route = replace(self.route, **route)  # type: ignore[arg-type]
        self.table.put(self.route)
        self.door = FakeDoor(lambda node_id, epoch: epoch == 1)
        self.tunnel_server = TunnelServer(self.door)
        self.gateway = Gateway(
            self.table,
            lambda token: self.principals.get(token),
            self.tunnel_server,
            time.monotonic,
            timeouts,
            wall=wall,
        )
        self._tls = tls
        self.port = 0
        self.tunnel_port = 0
        self._servers: list[Server] = []
        self._clients: list[Client] = []

    async def __aenter__(self) -> "DataPlane":
        self.tunnel_port = await self.tunnel_server.start("127.0.0.1:0", authority().gateway_tls())
        self.port = await self.gateway.start("127.0.0.1", 0, self._tls)
        for node in self.nodes:
            node.tunnels.set_targets([f"127.0.0.1:{self.tunnel_port}"])
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        for node in self.nodes:
            await node.tunnels.close(0)
            # Its connections to replicas end, too.
            for deployment_id in [each for each, *_ in node.relay.demands()]:
                node.relay.remove_deployment(deployment_id)
        await self.gateway.close(0)
        for server in self._servers:
            await server.close()

    async def serve(self, *servers: Server, terms: DeploymentRelay = TERMS, node: Node | None = None) -> None:
        """These are a node's ready replicas now; ends when the gateway knows."""
        node = node or self.node
        upstreams = []
        for number, server in enumerate(servers):
            if not server.port:
                self._servers.append(server)
                await server.start()
            upstreams.append(Upstream(f"{node.node_id}-replica-{number}", "127.0.0.1", server.port))
        node.relay.set_deployment(terms)
        node.relay.set_upstreams(terms.deployment_id, upstreams)
        await self.until_ready(len(servers), node, terms.deployment_id)

    async def until_ready(self, replicas: int, node: Node | None = None, deployment_id: str = "chat") -> None:
        node_id = (node or self.node).node_id
        await self.until(
            lambda: any(
                (route.node_id, route.ready_replicas) == (node_id, replicas)
                for route in self.gateway.presences.candidates(deployment_id)
            )
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what tests wait for has no event
                await asyncio.sleep(0.005)

    async def connect(self) -> "Client":
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client


class Client:
    """A raw HTTP/1.1 client: tests say every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, path: str, body: bytes = b"", headers: str = "", token: str = TOKEN) -> None:
        length = f"content-length: {len(body)}\r\n" if body or method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\n{length}{headers}\r\n"
        self.writer.write(head.encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(60):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        return int(line.split()[1]), {n.lower(): v.strip() for n, _, v in (entry.partition(":") for entry in lines)}

    async def chunk(self) -> bytes:
        """b"" is the last one."""
        async with asyncio.timeout(60):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while chunk := await self.chunk():
                body += chunk
        elif "content-length" in headers:
            async with asyncio.timeout(60):
                body = await self.reader.readexactly(int(headers["content-length"]))
        return status, headers, body

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: str = "", token: str = TOKEN
    ) -> tuple[int, dict[str, str], bytes]:
        self.send(method, path, body, headers, token)
        return await self.answer()

    async def at_end(self) -> bytes:
        """All that comes until the gateway closes."""
        async with asyncio.timeout(60):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.transport.abort()
