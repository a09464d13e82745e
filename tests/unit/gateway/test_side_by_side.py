"""Two revisions of one deployment behind one gateway: the relays know them as chat and chat@1."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from homeport.core.balance.balancing import Balancing, Sticky
from homeport.core.policy import Policy
from homeport.gateway.routing.routes import RevisionRoute
from tests.fakes.data_plane import TERMS, Client, DataPlane
from tests.fakes.model_server import Call, ModelServer

NEW = replace(TERMS, deployment_id="chat@1", revision=4)
OLD = replace(TERMS, revision=3)


def revisions(old: int, new: int, **more: Any) -> tuple[RevisionRoute, ...]:
    places = {"node-1": (0, 1, 2)}
    return (
        RevisionRoute("chat@1", 4, new, more.get("new_places", places)),
        RevisionRoute("chat", 3, old, places),
    )


@asynccontextmanager
async def side_by_side(old: int = 90, new: int = 10, policy: Policy | None = None, **more: Any) -> Any:
    async with DataPlane(policy, revisions=revisions(old, new), revision=4) as plane:
        three, four = ModelServer(), ModelServer(*more.get("four", ()))
        await plane.serve(three, terms=OLD)
        await plane.serve(four, terms=NEW)
        plane.table.put(replace(plane.route, revisions=revisions(old, new, **more)))
        yield plane, three, four


async def asked(client: Client, headers: str = "") -> tuple[int, str]:
    status, found, _ = await client.ask("POST", "/d/chat/v1/x", b"{}", headers)
    return status, found.get("x-homeport-revision", "")


async def test_the_share_decides_and_the_answer_says_who_served() -> None:
    async with side_by_side() as (plane, three, four):
        draws = iter([0.0, 0.899, 0.9, 0.999])
        plane.gateway.random = lambda: next(draws)
        client = await plane.connect()
        assert [(await asked(client))[1] for _ in range(4)] == ["3", "3", "4", "4"]
        assert (len(three.calls), len(four.calls)) == (2, 2)
        counted = plane.gateway.counters.of("chat")
        assert counted.answered[2] == 4
        assert {number: (each.requests, each.errors) for number, each in counted.revisions.items()} == {
            "3": (2, 0),
            "4": (2, 0),
        }


async def test_who_names_a_revision_gets_it_also_at_no_share() -> None:
    async with side_by_side(100, 0) as (plane, _, four):
        client = await plane.connect()
        assert await asked(client, "x-homeport-revision: 4\r\n") == (200, "4")
        assert "x-homeport-revision" not in four.calls[0].headers
        assert {(await asked(client))[1] for _ in range(20)} == {"3"}
        status, _, body = await client.ask("GET", "/d/chat/x", headers="x-homeport-revision: 9\r\n")
        assert status == 404
        assert b"revision 9 of deployment chat does not run; what runs: 3 and 4" in body
        status, _, body = await client.ask("GET", "/d/chat/x", headers="x-homeport-revision: new\r\n")
        assert status == 400


async def test_a_deployment_with_one_revision_knows_its_own_number_only() -> None:
    async with DataPlane(revision=4) as plane:
        await plane.serve(ModelServer())
        client = await plane.connect()
        assert (await asked(client, "x-homeport-revision: 4\r\n"))[0] == 200
        assert (await asked(client, "x-homeport-revision: 3\r\n"))[0] == 404


async def test_the_model_in_a_body_leads_to_the_same_choice() -> None:
    async with side_by_side(0, 100) as (plane, _, four):
        client = await plane.connect()
        status, found, _ = await client.ask("POST", "/v1/chat/completions", b'{"model": "chat"}')
        assert (status, found["x-homeport-revision"], len(four.calls)) == (200, "4", 1)


async def test_a_session_stays_on_its_revision() -> None:
    sticky = Policy(balancing=Balancing(sticky=Sticky("header", "x-session")))
    async with side_by_side(50, 50, sticky) as (plane, _, _):
        client = await plane.connect()
        served = {
            session: {(await asked(client, f"x-session: {session}\r\n"))[1] for _ in range(5)} for session in range(20)
        }
        assert all(len(of_one) == 1 for of_one in served.values())
        assert {each for of_one in served.values() for each in of_one} == {"3", "4"}


async def test_the_share_of_what_no_node_can_run_goes_to_the_others() -> None:
    async with side_by_side(10, 90, new_places={}) as (plane, _, _):
        client = await plane.connect()
        assert {await asked(client) for _ in range(20)} == {(200, "3")}


async def test_what_should_run_and_does_not_gets_nothing_while_others_do() -> None:
    async with side_by_side(10, 90) as (plane, _, _):
        await plane.serve(terms=NEW)
        client = await plane.connect()
        assert {await asked(client) for _ in range(20)} == {(200, "3")}


async def test_what_may_rest_is_waited_for() -> None:
    async with side_by_side(0, 100, new_places={"node-1": (0, 0, 2)}) as (plane, _, four):
        await plane.serve(terms=NEW)
        client = await plane.connect()
        client.send("POST", "/d/chat/v1/x", b"{}")
        await plane.until(lambda: plane.node.relay.demand("chat@1").queued == 1)
        await plane.serve(four, terms=NEW)
        status, found, _ = await client.answer()
        assert (status, found["x-homeport-revision"]) == (200, "4")


async def test_a_request_that_its_revision_can_not_take_goes_to_another_one_and_says_so() -> None:
    async with side_by_side(0, 100) as (plane, three, _):
        plane.table.put(replace(plane.route, revisions=revisions(1, 99)))
        plane.gateway.random = lambda: 0.5
        plane.node.relay.remove_deployment("chat@1")
        client = await plane.connect()
        assert await asked(client) == (200, "3")
        assert len(three.calls) == 1


async def test_who_named_a_revision_waits_for_that_one_alone() -> None:
    hold = Policy(hold_seconds=0.2)
    async with side_by_side(90, 10, hold, new_places={}) as (plane, three, _):
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/d/chat/v1/x", b"{}", "x-homeport-revision: 4\r\n")
        assert status == 503
        assert b"revision 4 of deployment chat cannot take the request: none of its nodes is connected" in body
        assert three.calls == []


async def test_a_lost_answer_is_tried_again_where_it_was() -> None:
    async def once(call: Call) -> None:
        if len(broken) < 1:
            broken.append(call)
            call.writer.transport.abort()
        else:
            call.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await call.writer.drain()

    broken: list[Call] = []
    async with side_by_side(0, 100, four=[once]) as (plane, three, _):
        client = await plane.connect()
        assert await asked(client) == (200, "4")
        assert (len(broken), three.calls) == (1, [])


async def test_shares_change_under_requests_and_none_is_lost() -> None:
    async with side_by_side(100, 0) as (plane, _, _):
        statuses: Counter[tuple[int, str]] = Counter()

        async def ask_on(client: Client) -> None:
            for _ in range(60):
                statuses[await asked(client)] += 1

        clients = [await plane.connect() for _ in range(6)]
        asking = [asyncio.create_task(ask_on(client)) for client in clients]
        for new in (10, 50, 100):
            await plane.until(lambda new=new: statuses.total() >= new)
            plane.table.put(replace(plane.route, revisions=revisions(100 - new, new)))
        await plane.until(lambda: statuses[200, "4"] > 0)
        # The old one ends: its track is gone from the node before the gateway hears of it.
        plane.node.relay.remove_deployment("chat")
        plane.table.put(replace(plane.route, revisions=revisions(0, 100)[:1]))
        await asyncio.gather(*asking)
        assert {status for status, _ in statuses} == {200}
        assert statuses.total() == 360
