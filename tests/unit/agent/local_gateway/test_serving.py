"""A site's gateway serves by what it was told, of its own nodes and to the tokens that it knows."""

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest

from agent.link.messages import SiteUpdate
from homeport.core.errors import HomeportError
from tests.fakes.data_plane import DataPlane
from tests.fakes.local_site import DAY, FACTS, LocalSite, access, entry
from tests.fakes.model_server import Call, ModelServer


async def test_the_own_replica_first_and_a_siblings_when_there_is_none(tmp_path: Path) -> None:
    async with LocalSite(tmp_path, "there") as site:
        await site.told_all()
        far = await site.serve(site.others[0], ModelServer())
        assert await site.ask() == (200, b"hello")
        assert len(far.calls) == 1
        near = await site.serve(site.here, ModelServer())
        for _ in range(5):
            assert await site.ask() == (200, b"hello")
        assert (len(near.calls), len(far.calls)) == (5, 1)


async def test_who_answers_counts_what_each_token_asked(tmp_path: Path) -> None:
    async def completion(call: Call) -> None:
        body = json.dumps({"usage": {"completion_tokens": 7}}).encode()
        call.answer(body, headers="content-type: application/json\r\n")

    async with LocalSite(tmp_path, "there") as site:
        await site.told_all()
        await site.serve(site.others[0], ModelServer(completion))
        await site.ask()
        await site.until(lambda: site.others[0].answered)
        assert site.others[0].answered == [("chat", "guest", 7)]
        await site.serve(site.here, ModelServer(completion))
        await site.ask()
        await site.until(lambda: site.here.answered)
        assert (site.here.answered, len(site.others[0].answered)) == ([("chat", "guest", 7)], 1)


async def test_with_three_gateways_no_replica_gets_more_than_it_takes(tmp_path: Path) -> None:
    """The agent counts, whoever sends: the control plane's gateway, a sibling's, or its own."""
    at_once, most = 0, 0
    go_on = asyncio.Event()

    async def slow(call: Call) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await go_on.wait()
        at_once -= 1
        call.answer(b"done")

    plane = DataPlane(placements={"here-too": (0, 1, 2)})
    async with LocalSite(tmp_path / "a") as own, LocalSite(tmp_path / "b", "here-too") as siblings, plane:
        await own.told_all()
        await siblings.told_all()
        shared = siblings.others[0]
        shared.tunnels.attach_here(own.gateway.own_end)
        shared.tunnels.set_targets([f"127.0.0.1:{plane.tunnel_port}"])
        await siblings.serve(shared, ModelServer(slow), concurrency=2)
        await own.until(lambda: own.ready() == ["here"] and plane.gateway.presences.candidates("chat"))

        async def ask_plane() -> tuple[int, bytes]:
            status, _, body = await (await plane.connect()).ask("POST", "/d/chat/x", b"hello")
            return status, body

        asked = [asyncio.create_task(ask()) for ask in (own.ask, siblings.ask, ask_plane) * 3]
        await own.until(lambda: (at_once, shared.relay.demand("chat").queued) == (2, 7))
        go_on.set()
        assert await asyncio.gather(*asked) == [(200, b"done")] * 9
        assert most == 2


async def test_tokens_are_asked_for_and_only_the_known_ones_taken(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        assert (await site.ask(token="hp1.guest.other"))[0] == 401
        assert (await site.ask(token="hp1.nobody.secret"))[0] == 401
        await site.told(entry("tokens", "few", {**FACTS, "models": ["other"]}))
        assert (await site.ask(token="hp1.few.secret"))[0] == 403


async def test_a_revoked_token_is_refused_after_two_seconds_at_the_latest(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        now = 0.0
        site.gateway.gateway.tokens._clock = lambda: now
        await site.told_all()
        await site.serve(site.here, ModelServer())
        assert (await site.ask())[0] == 200
        await site.told(entry("tokens", "guest", None))
        now = 2.1
        assert (await site.ask())[0] == 401


async def test_after_days_alone_no_token_is_taken_and_the_answer_says_why(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        site.ago = 7 * DAY - 10
        assert (await site.ask())[0] == 200
        site.gateway.gateway.tokens._accepted.clear()
        site.ago = 7 * DAY + 1
        status, body = await site.ask()
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (503, "unavailable")
        assert "cut off for more than 7 days" in error["message"]
        assert (await site.ask(token="hp1.guest.other"))[0] == 401
        site.ago = 0.0
        assert (await site.ask())[0] == 200


async def test_rates_hold_here_by_themselves_and_what_only_a_lease_allows_is_refused(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        budget = {"budgets": [{"counts": "requests", "per": "day", "amount": 5}]}
        await site.told(
            entry("tokens", "slow", {**FACTS, "limits": {"requests_per_minute": 2}}),
            entry("tokens", "poor", {**FACTS, "limits": budget}),
        )
        answers = [(await site.ask(token="hp1.slow.secret"))[0] for _ in range(3)]
        assert (answers[0], answers[2]) == (200, 429)
        assert (await site.ask(token="hp1.poor.secret"))[0] == 429


async def test_what_was_told_outlives_the_agent(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
    site = LocalSite(tmp_path)
    site.ago = None
    async with site:
        await site.serve(site.here, ModelServer())
        assert await site.ask() == (200, b"hello")
        assert (await site.ask(token="hp1.guest.other"))[0] == 401
        status = site.gateway.status()
        assert (status["deployments"], status["tokens"], status["nodes"]) == (1, 1, 1)
        assert 6 * DAY < status["tokens_accepted_seconds"] <= 7 * DAY
    modes = {name: os.stat(tmp_path / name).st_mode & 0o777 for name in os.listdir(tmp_path)}
    assert modes["local-gateway.json"] == 0o600


async def test_a_snapshot_counts_when_its_last_part_is_there_and_what_it_leaves_out_is_gone(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        other = {**FACTS, "secret_sha256": "x"}
        await site.gateway.take(SiteUpdate(True, False, [entry("tokens", "other", other)], DAY))
        assert site.gateway.status()["tokens"] == 1
        assert (await site.ask())[0] == 200
        await site.gateway.take(SiteUpdate(False, True, [entry("nodes", "here", access())], DAY))
        assert site.gateway.status() | {"tokens": 1, "deployments": 0, "nodes": 1} == site.gateway.status()
        site.gateway.gateway.tokens._accepted.clear()
        assert (await site.ask())[0] == 401


async def test_what_cannot_be_read_is_left_out_and_the_rest_taken(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told(("routes", "odd", '{"deployment_id": 3}'), ("routes", "cut", "{"), ("weather", "x", '"rain"'))
        await site.told_all()
        await site.serve(site.here, ModelServer())
        assert (await site.ask())[0] == 200


async def test_a_locked_node_loses_its_tunnel_and_one_that_is_none_gets_none(tmp_path: Path) -> None:
    async with LocalSite(tmp_path, "there") as site:
        await site.told_all()
        await site.serve(site.others[0], ModelServer())
        await site.told(entry("nodes", "there", access(locked=True)))
        await site.until(lambda: not site.ready())
        await site.told(entry("nodes", "there", access()))
        await site.until(lambda: site.ready() == ["there"])
        await site.told(entry("nodes", "there", None))
        await site.until(lambda: not site.ready())


async def test_a_port_that_is_taken_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        site = LocalSite(tmp_path, clients=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(HomeportError) as refused:
            await site.gateway.start()
        assert f"cannot listen on 127.0.0.1:{other.getsockname()[1]}" in refused.value.message
        assert "[local_gateway]" in refused.value.hint
        await site.gateway.drain(0)
        await site.gateway.close()
