"""Replicas die under load, clients leave, gateways share a node: what is lost, and what is not."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from homeport.core.policy import Policy
from homeport.gateway.gateway import Gateway
from homeport.tunnel.server import TunnelServer
from tests.fakes.certs import authority
from tests.fakes.data_plane import TERMS, Client, DataPlane
from tests.fakes.door import FakeDoor
from tests.fakes.model_server import Call, ModelServer

CLIENTS = 8
REQUESTS = 30


async def work(call: Call) -> None:
    """Long enough that some are always in flight."""
    await asyncio.sleep(0.005)
    call.answer(b"done")


async def ask_again_and_again(client: Client, statuses: Counter[int], halfway: asyncio.Event) -> None:
    for number in range(REQUESTS):
        if number == REQUESTS // 2:
            halfway.set()
        client.send("POST", "/d/chat/v1/x", b"hello")
        async with asyncio.timeout(60):
            status, _, _ = await client.answer()
        statuses[status] += 1


async def test_a_replica_that_dies_under_load_loses_no_request() -> None:
    async with DataPlane() as plane:
        doomed, sound = ModelServer(work), ModelServer(work)
        await plane.serve(doomed, sound)
        statuses: Counter[int] = Counter()
        halfway = asyncio.Event()
        clients = [await plane.connect() for _ in range(CLIENTS)]
        asking = [asyncio.ensure_future(ask_again_and_again(client, statuses, halfway)) for client in clients]
        await halfway.wait()
        await doomed.close()
        await asyncio.gather(*asking)
        assert statuses == {200: CLIENTS * REQUESTS}
        assert doomed.calls and sound.calls


async def test_requests_outlive_the_only_replica_and_wait_for_the_next() -> None:
    async with DataPlane() as plane:
        doomed, successor = ModelServer(work), ModelServer(work)
        patient = replace(TERMS, hold_seconds=60.0)
        await plane.serve(doomed, terms=patient)
        statuses: Counter[int] = Counter()
        halfway = asyncio.Event()
        clients = [await plane.connect() for _ in range(CLIENTS)]
        asking = [asyncio.ensure_future(ask_again_and_again(client, statuses, halfway)) for client in clients]
        await halfway.wait()
        await doomed.close()
        await plane.until(lambda: plane.node.relay.demand("chat").queued > 0)
        await plane.serve(successor, terms=patient)
        await asyncio.gather(*asking)
        assert statuses == {200: CLIENTS * REQUESTS}


@pytest.mark.parametrize("drains", [True, False])
async def test_a_model_finishes_for_a_client_that_has_left_where_its_deployment_says_so(drains: bool) -> None:
    async with DataPlane(Policy(drain_abandoned=drains)) as plane:
        release = asyncio.Event()

        async def finish(call: Call) -> None:
            call.begin_chunks()
            call.chunk(b"data: 1\n\n")
            await call.writer.drain()
            await release.wait()
            call.chunk(b"data: 2\n\n")
            call.writer.write(b"0\r\n\r\n")

        await plane.serve(ModelServer(finish))
        client = await plane.connect()
        client.send("POST", "/d/chat/v1/x", b"hello")
        await client.head()
        await client.chunk()
        client.close()
        await plane.until(lambda: plane.gateway.counters.of("chat").disconnects == 1)
        relay = plane.node.relay
        if not drains:
            await plane.until(lambda: relay.demand("chat").in_flight == 0)
        release.set()
        await plane.until(lambda: relay.demand("chat").in_flight == 0)
        assert relay.demand("chat").answered == int(drains)
        assert (await (await plane.connect()).ask("GET", "/d/chat/x"))[0] == 200, "its place is free again"


async def test_two_gateways_never_give_a_replica_more_than_it_takes_at_once() -> None:
    async with DataPlane() as plane:
        release = asyncio.Event()
        at_once: Counter[str] = Counter()

        def server(name: str) -> ModelServer:
            async def count(call: Call) -> None:
                at_once[name] += 1
                assert at_once[name] <= TERMS.concurrency
                await release.wait()
                at_once[name] -= 1
                call.answer(b"")

            return ModelServer(count)

        second_tunnels = TunnelServer(FakeDoor(lambda node_id, epoch: True))
        second = Gateway(plane.table, plane.principals.get, second_tunnels, plane.gateway.clock)
        second_port = await second_tunnels.start("127.0.0.1:0", authority().gateway_tls())
        port = await second.start("127.0.0.1", 0)
        clients = []
        try:
            plane.node.tunnels.set_targets([f"127.0.0.1:{plane.tunnel_port}", f"127.0.0.1:{second_port}"])
            await plane.serve(server("one"), server("two"))
            await plane.until(lambda: any(node.capacity for node in second.presences.candidates("chat")))
            clients = [await plane.connect() for _ in range(8)]
            clients += [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(8)]
            for client in clients:
                client.send("POST", "/d/chat/v1/x", b"hello")
            relay = plane.node.relay
            await plane.until(lambda: relay.demand("chat").queued == len(clients) - 2 * TERMS.concurrency)
            await plane.until(lambda: sum(at_once.values()) == 2 * TERMS.concurrency)
            release.set()
            assert [(await client.answer())[0] for client in clients] == [200] * len(clients), "what is over waits"
        finally:
            for client in clients:
                client.close()
            await second.close(0)
