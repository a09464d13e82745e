"""Algorithms and sessions as clients see them: which node answers."""

import asyncio
from collections import Counter

import pytest

from homeport.core.balance.balancing import Balancing, Sticky
from homeport.core.policy import Policy
from homeport.gateway.callers.client_address import trusted_proxies
from tests.fakes.data_plane import Client, DataPlane
from tests.fakes.model_server import Call, ModelServer

# All nodes at one rank: the prefix is all of them.
ABREAST = {f"node-{number}": (0, 1, 2) for number in (1, 2, 3)}


def plane_with(balancing: Balancing) -> DataPlane:
    return DataPlane(Policy(balancing=balancing), nodes=3, placements=ABREAST)


async def serve(plane: DataPlane) -> None:
    """Each node says which it is."""
    for node in plane.nodes:

        async def answer(call: Call, name: str = node.node_id) -> None:
            call.answer(name.encode())

        await plane.serve(ModelServer(answer), node=node)


async def ask(client: Client, headers: str = "") -> tuple[str, dict[str, str]]:
    status, given, body = await client.ask("GET", "/d/chat/x", headers=headers)
    assert status == 200
    return body.decode(), given


async def test_in_turn() -> None:
    async with plane_with(Balancing("round_robin")) as plane:
        await serve(plane)
        client = await plane.connect()
        seen = [(await ask(client))[0] for _ in range(6)]
        assert seen == ["node-1", "node-2", "node-3"] * 2


async def test_by_the_clients_address_as_a_trusted_proxy_tells_it() -> None:
    async with plane_with(Balancing("ip_hash")) as plane:
        plane.gateway.proxies = trusted_proxies("127.0.0.0/8")
        await serve(plane)
        client = await plane.connect()
        homes = {}
        for number in range(20):
            header = f"x-forwarded-for: 192.0.2.{number}\r\n"
            homes[number] = (await ask(client, header))[0]
            assert (await ask(client, header))[0] == homes[number]
        assert len(set(homes.values())) == 3
        plane.gateway.proxies = None
        seen = {(await ask(client, f"x-forwarded-for: 192.0.2.{number}\r\n"))[0] for number in range(20)}
        assert len(seen) == 1, "anybody can write such a header"


async def test_two_choices_prefer_who_answers_sooner() -> None:
    async with plane_with(Balancing("power_of_two")) as plane:
        await serve(plane)
        for route in plane.gateway.presences.candidates("chat"):
            route.latency_seconds = 1000.0 if route.node_id == "node-1" else 0.001
        client = await plane.connect()
        seen = Counter([(await ask(client))[0] for _ in range(20)])
        assert "node-1" not in seen
        assert all(0 < route.latency_seconds < 10 for route in plane.gateway.presences.candidates("chat")[1:])


@pytest.mark.parametrize("sticky", [Sticky("header", "x-session"), Sticky("client_ip")], ids=["header", "client_ip"])
async def test_a_session_stays_on_its_node_until_that_is_gone(sticky: Sticky) -> None:
    async with plane_with(Balancing(sticky=sticky)) as plane:
        await serve(plane)
        client = await plane.connect()
        header = "x-session: 42\r\n"
        home = (await ask(client, header))[0]
        assert {(await ask(client, header))[0] for _ in range(5)} == {home}
        node = next(node for node in plane.nodes if node.node_id == home)
        node.relay.set_upstreams("chat", [])
        await plane.until_ready(0, node)
        elsewhere = (await ask(client, header))[0]
        assert elsewhere != home
        assert {(await ask(client, header))[0] for _ in range(5)} == {elsewhere}


async def test_a_cookie_is_set_once_and_keeps_the_client_on_its_node() -> None:
    async with plane_with(Balancing(sticky=Sticky("cookie", "seat"))) as plane:
        await serve(plane)
        seen = set()
        for _ in range(12):
            client = await plane.connect()
            home, headers = await ask(client)
            seen.add(home)
            cookie = headers["set-cookie"].partition(";")[0]
            for _ in range(3):
                again, headers = await ask(client, f"cookie: {cookie}\r\n")
                assert again == home
                assert "set-cookie" not in headers
        assert len(seen) > 1, "clients are spread"


async def test_a_full_node_is_no_prison() -> None:
    async with plane_with(Balancing(sticky=Sticky("client_ip"))) as plane:
        release = asyncio.Event()

        async def hold(call: Call) -> None:
            await release.wait()
            call.answer(b"done")

        servers = [ModelServer(hold) for _ in plane.nodes]
        for server, node in zip(servers, plane.nodes, strict=True):
            await plane.serve(server, node=node)
        clients = [await plane.connect() for _ in range(6)]
        for client in clients:
            client.send("GET", "/d/chat/x")
        await plane.until(lambda: sum(len(server.calls) for server in servers) == 6)
        assert sorted(len(server.calls) for server in servers)[-1] == 4, "a replica takes four at once"
        release.set()
        for client in clients:
            assert (await client.answer())[0] == 200
