"""A site in one process: a local gateway on node "here", the relays of its nodes, and no control plane. What that one
would tell is said by the test."""

import asyncio
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agent.link.messages import SiteUpdate
from agent.local_gateway.certificate import GatewayPair
from agent.local_gateway.denials import SiteDenials
from agent.local_gateway.local_gateway import LocalGateway
from agent.local_gateway.options import LocalGatewayOptions
from agent.relay.deployment import Upstream
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from agent.state.directory import StateDirectory
from agent.state.files import write_durably
from agent.state.identity import Identity
from agent.state.site_gateways import SiteGateway
from homeport.core import canonical
from homeport.core.node_identity import Certificates, NodeAccess, Serial
from homeport.gateway.callers.access_tokens import hash_of
from homeport.gateway.callers.denial import Denial
from homeport.gateway.routing.routes import RoutePolicy
from homeport.http2.tls import client_tls
from tests.fakes.certs import authority, issue
from tests.fakes.data_plane import TERMS, Client
from tests.fakes.model_server import ModelServer

TOKEN = "hp1.guest.secret"
FACTS = {
    "name": "guest",
    "owner": "user/anna",
    "secret_sha256": hash_of("secret"),
    "previous": None,
    "expires_at": None,
    "limit": None,
    "models": None,
    "session": "",
    "grants": [["invoker", "organisation"]],
}
DAY = 86_400.0


def entry(table: str, key: str, value: Any) -> tuple[str, str, str]:
    return table, key, "" if value is None else json.dumps(canonical.to_plain(value))


def access(locked: bool = False) -> NodeAccess:
    """Of a node whose certificate is newer than what is known."""
    return NodeAccess(Certificates(Serial("0", 0.0)), locked)


class Node:
    """A node beside the gateway's; `answered` is [(deployment, token, tokens)] as it counts them."""

    def __init__(self, node_id: str, epoch: int = 1) -> None:
        self.node_id = node_id
        self.epoch = epoch
        self.relay = Relay(time.monotonic)
        self.answered: list[tuple[str, str, int]] = []
        key, certificate = issue(authority().ca, san_uri=f"homeport://node/{node_id}")
        tls = client_tls(key, certificate, authority().ca.pem, at_any_time=True)
        self.tunnels = Tunnels(
            self.relay, lambda: tls, lambda: self.epoch, on_answered=lambda *told: self.answered.append(told)
        )


class LocalSite:
    """Use as `async with LocalSite(tmp_path) as site`. `ago`: seconds since the control plane was heard."""

    def __init__(
        self,
        folder: Path,
        *others: str,
        clients: str = "127.0.0.1:0",
        trusted_proxies: str = "",
        access_log: str = "",
    ) -> None:
        self.ago: float | None = 0.0
        self.here = Node("here")
        self.others = [Node(node_id) for node_id in others]
        self.port = 0
        self._folder = folder
        self._servers: list[ModelServer] = []
        self._clients: list[Client] = []
        folder.mkdir(exist_ok=True)
        directory = StateDirectory(folder)
        key, certificate = issue(authority().ca, "homeport-site-gateway", "homeport://gateway/here")
        pair = GatewayPair("here", key.decode(), certificate.decode(), "", (), time.time(), 30 * DAY)
        write_durably(directory.gateway_certificate, json.dumps(asdict(pair)).encode())
        identity = Identity("here", "home", "default", "127.0.0.1:1", key, certificate, authority().ca.pem, 1, "", 0.0)
        options = LocalGatewayOptions(clients, "127.0.0.1:0", trusted_proxies=trusted_proxies, access_log=access_log)
        # What the control plane was told of denials, while it takes them.
        self.denied: list[Denial] = []
        self.takes_denials = True
        self.denials = SiteDenials(lambda: self.takes_denials, self._take_denials, lambda: 1000.0)
        self.gateway = LocalGateway(options, directory, lambda: identity, lambda: self.ago, denials=self.denials)

    async def __aenter__(self) -> "LocalSite":
        await self.gateway.start()
        tunnels, url = self.gateway.announced
        self.port = int(url.rpartition(":")[2])
        self.here.tunnels.attach_here(self.gateway.own_end)
        for node in self.others:
            node.tunnels.set_site_gateways([SiteGateway("here", tunnels)])
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        for node in [self.here, *self.others]:
            await node.tunnels.close(0)
        await self.gateway.drain(0)
        await self.gateway.close()
        for server in self._servers:
            await server.close()

    async def told(self, *entries: tuple[str, str, str], days: float = 7.0) -> None:
        await self.gateway.take(SiteUpdate(False, True, list(entries), days * DAY))

    async def told_all(self) -> None:
        """Deployment "chat" on all nodes, this one first; who has TOKEN may invoke it."""
        nodes = [self.here, *self.others]
        route = RoutePolicy("chat", "tiny", placements={node.node_id: (9 - n, 1, 2) for n, node in enumerate(nodes)})
        entries = [entry("routes", "chat", route), entry("tokens", "guest", FACTS)]
        for node in nodes:
            entries += [entry("nodes", node.node_id, access()), entry("epochs", node.node_id, 1)]
        await self.gateway.take(SiteUpdate(True, True, entries, 7 * DAY))

    async def serve(self, node: Node, server: ModelServer, concurrency: int = 4) -> ModelServer:
        """One ready replica on the node; ends when the gateway knows."""
        self._servers.append(server)
        await server.start()
        node.relay.set_deployment(replace(TERMS, concurrency=concurrency))
        node.relay.set_upstreams("chat", [Upstream(f"{node.node_id}-replica", "127.0.0.1", server.port)])
        await self.until(lambda: node.node_id in self.ready())
        return server

    def _take_denials(self, denials: list[Denial]) -> bool:
        self.denied += denials
        return True

    def ready(self) -> list[str]:
        presences = self.gateway.gateway.presences
        return [route.node_id for route in presences.candidates("chat") if route.ready_replicas]

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def ask(self, text: bytes = b"hello", token: str = TOKEN) -> tuple[int, bytes]:
        status, _, body = await (await self.client()).ask("POST", "/d/chat/x", text, token=token)
        return status, body

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what tests wait for has no event
                await asyncio.sleep(0.01)
