import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

import psutil
import pytest

from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from controlplane.ports import reserve_shared
from homeport.core.node_identity import Refusal
from homeport.tunnel.server import TunnelServer
from tests.fakes.certs import authority
from tests.fakes.data_plane import TERMS
from tests.fakes.door import FakeDoor


class Gateways:
    """Tunnel ports of several gateway workers that know of each other."""

    def __init__(self) -> None:
        self.servers: dict[str, TunnelServer] = {}
        self.ports: dict[str, int] = {}
        self.doors: dict[str, FakeDoor] = {}

    async def start(self, name: str, workers: Sequence[str] = (), port: int = 0) -> str:
        """At a `port` that is given it is one of several."""
        self.doors[name] = FakeDoor(lambda node_id, epoch: node_id == "node-1")
        server = TunnelServer(self.doors[name], name, workers or [name])
        tls = authority().gateway_tls(name)
        self.ports[name] = await server.start(f"127.0.0.1:{port}", tls, shares_port=port > 0)
        self.servers[name] = server
        return f"127.0.0.1:{self.ports[name]}"

    def counts(self) -> dict[str, int]:
        return {name: len(server._tunnels) for name, server in self.servers.items()}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what tests wait for has no event
                await asyncio.sleep(0.005)

    async def until_attached(self, counts: dict[str, int]) -> None:
        await self.until(lambda: self.counts() == counts)


@pytest.fixture
async def gateways() -> AsyncIterator[Gateways]:
    gateways = Gateways()
    yield gateways
    for server in gateways.servers.values():
        await server.close(0)


def tunnels_of(relay: Relay, node_id: str = "node-1") -> Tunnels:
    return Tunnels(relay, lambda: authority().node_tls(node_id), lambda: 1)


async def test_tunnels_exist_only_while_there_is_something_to_serve(gateways: Gateways) -> None:
    relay = Relay(time.monotonic)
    tunnels = tunnels_of(relay)
    tunnels.set_targets([await gateways.start("a")])
    await asyncio.sleep(0.05)
    await gateways.until_attached({"a": 0})
    relay.set_deployment(TERMS)
    await gateways.until_attached({"a": 1})
    tunnels.set_targets([])
    await gateways.until_attached({"a": 0})
    await tunnels.close(0)


async def test_each_target_has_one_tunnel_on_a_connection_of_its_own(gateways: Gateways) -> None:
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    tunnels = tunnels_of(relay)
    tunnels.set_targets([await gateways.start("a"), await gateways.start("b")])
    await gateways.until_attached({"a": 1, "b": 1})
    dialled = [
        connection.raddr.port
        for connection in psutil.Process().net_connections("tcp")
        if connection.raddr and connection.status == "ESTABLISHED"
    ]
    assert [dialled.count(port) for port in gateways.ports.values()] == [1, 1]
    await tunnels.close(0)


async def test_workers_that_share_a_port_get_a_tunnel_each(gateways: Gateways) -> None:
    """Whom a dial reaches is the system's choice: it goes on until it has them all."""
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    tunnels = tunnels_of(relay)
    with reserve_shared("127.0.0.1", 0, "--tunnel-port") as reserved:
        port = reserved.getsockname()[1]
        names = ["a", "b", "c", "d"]
        for name in names:
            target = await gateways.start(name, names, port)
        tunnels.set_targets([target])
        await gateways.until_attached(dict.fromkeys(names, 1))
        # One goes and another comes: all are told by those that stay.
        await gateways.servers.pop("b").close(0)
        await gateways.start("e", ["a", "c", "d", "e"], port)
        for server in gateways.servers.values():
            server.set_workers(["a", "c", "d", "e"])
        await gateways.until_attached({"a": 1, "c": 1, "d": 1, "e": 1})
    await tunnels.close(0)
    await gateways.until_attached({"a": 0, "c": 0, "d": 0, "e": 0})


async def test_a_worker_that_is_reached_again_gets_no_second_tunnel(gateways: Gateways) -> None:
    """One target that always leads to the same worker of two: it keeps one tunnel and goes on looking."""
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    tunnels = tunnels_of(relay)
    target = await gateways.start("a", ["a", "b"])
    tunnels.set_targets([target])
    await gateways.until_attached({"a": 1})
    (dialer,) = (dialer for dialer, _ in tunnels._dialers.values())
    await gateways.until(lambda: dialer._duplicates >= 3)
    assert gateways.counts() == {"a": 1}
    gateways.servers["a"].set_workers(["a"])
    await gateways.until(lambda: dialer._duplicates == 0)
    await tunnels.close(0)
    await gateways.until_attached({"a": 0})


async def test_a_new_certificate_brings_new_tunnels_before_the_old_ones_end(gateways: Gateways) -> None:
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    tunnels = tunnels_of(relay)
    tunnels.set_targets([await gateways.start("a")])
    await gateways.until_attached({"a": 1})
    (old,) = gateways.servers["a"]._tunnels
    tunnels.renew()
    await gateways.until_attached({"a": 2})
    await gateways.until(lambda: old.going_away)
    await gateways.until_attached({"a": 1})
    assert old not in gateways.servers["a"]._tunnels
    await tunnels.close(0)


async def test_a_tunnel_ends_when_its_node_may_not_have_it_any_more(gateways: Gateways) -> None:
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    tunnels = tunnels_of(relay)
    tunnels.set_targets([await gateways.start("a")])
    await gateways.until_attached({"a": 1})
    server = gateways.servers["a"]
    gateways.doors["a"].admit = lambda node_id, epoch: False
    gateways.doors["a"].refused["node-1"] = Refusal.LOCKED
    server.look_at("node-2")
    assert gateways.counts() == {"a": 1}
    server.look_at("node-1")
    assert gateways.counts() == {"a": 0}
    await tunnels.close(0)


async def test_a_node_that_is_not_admitted_gets_no_tunnel(gateways: Gateways) -> None:
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    target = await gateways.start("a")
    stranger = tunnels_of(relay, "node-2")
    stranger.set_targets([target])
    welcome = tunnels_of(relay)
    welcome.set_targets([target])
    await gateways.until_attached({"a": 1})
    assert [link.node_id for link in gateways.servers["a"]._tunnels] == ["node-1"]
    await stranger.close(0)
    await welcome.close(0)
