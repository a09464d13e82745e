"""Limited access tokens at the gateway: what is admitted, charged and said."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime

from homeport.core.limits.lender import Lender
from homeport.core.limits.limits import Budget, Counted, Limits, Period
from homeport.gateway.limits.limiter import lend_directly
from homeport.gateway.limits.room import Room
from tests.fakes.data_plane import TOKEN, DataPlane, TestPrincipal
from tests.fakes.model_server import Call, ModelServer

CHAT = json.dumps({"model": "chat", "messages": []}).encode()
TODAY = "2026-11-21"
NOON = datetime.fromisoformat(f"{TODAY}T12:00:00+00:00").timestamp()
JSON = "content-type: application/json\r\n"


class Limited(DataPlane):
    """With a lender in the same process."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(wall=lambda: NOON)
        self.limits = limits
        self.principals[TOKEN] = replace(TestPrincipal(), limits=limits)
        self.lender = Lender(lambda token_id: self.limits)

    async def __aenter__(self) -> "Limited":
        await super().__aenter__()
        self.tell = lend_directly(
            self.gateway.limiter, lambda report: self.lender.exchange(report, self.gateway.clock(), TODAY)
        )
        return self

    def used(self) -> dict[str, int]:
        self.tell()
        states = self.lender.states("test", self.gateway.clock(), TODAY)
        return {state.meter.name: state.used for state in states}


def budget(counts: Counted, amount: int) -> Limits:
    return Limits(budgets=(Budget(counts, Period.DAY, amount),))


async def answer_of(plane: DataPlane, body: bytes = CHAT) -> tuple[int, dict[str, str], bytes]:
    return await (await plane.connect()).ask("POST", "/v1/chat/completions", body, JSON)


async def until_admitted(plane: DataPlane) -> None:
    async with asyncio.timeout(60):
        while (await answer_of(plane))[0] != 200:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.1)


async def test_beyond_the_rate_the_answer_is_that_of_openai() -> None:
    async with Limited(Limits(requests_per_minute=3)) as plane:
        await plane.serve(ModelServer())
        for left in (2, 1, 0):
            status, headers, _ = await answer_of(plane)
            assert status == 200
            assert headers["x-ratelimit-limit-requests"] == "3"
            assert headers["x-ratelimit-remaining-requests"] == str(left)
            assert 0 < int(headers["x-ratelimit-reset-requests"].removesuffix("s")) <= 61
        status, headers, body = await answer_of(plane)
        assert status == 429
        assert 1 <= int(headers["retry-after"]) <= 61
        assert headers["x-ratelimit-remaining-requests"] == "0"
        error = json.loads(body)["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert "3 requests per minute" in error["message"]
        assert plane.used() == {"requests_per_minute": 3}


async def test_a_limit_that_is_raised_holds_from_the_next_request_on() -> None:
    async with Limited(Limits(requests_per_minute=1)) as plane:
        await plane.serve(ModelServer())
        assert [(await answer_of(plane))[0] for _ in range(2)] == [200, 429]
        plane.limits = Limits(requests_per_minute=2)
        plane.principals[TOKEN] = replace(TestPrincipal(), limits=plane.limits)
        await until_admitted(plane)


async def test_what_is_asked_at_once_is_bounded_and_free_again_after_each_answer() -> None:
    release = asyncio.Event()

    async def wait(call: Call) -> None:
        await release.wait()
        call.answer(b"{}")

    async with Limited(Limits(concurrent_requests=2)) as plane:
        server = ModelServer(wait)
        await plane.serve(server)
        asking = [asyncio.create_task(answer_of(plane)) for _ in range(2)]
        await plane.until(lambda: len(server.calls) == 2)
        status, headers, body = await answer_of(plane)
        assert (status, headers["retry-after"]) == (429, "1")
        assert "2 requests at once" in json.loads(body)["error"]["message"]
        release.set()
        assert [each[0] for each in await asyncio.gather(*asking)] == [200, 200]
        await until_admitted(plane)


async def test_tokens_are_charged_as_the_model_tells_them() -> None:
    usage = {"usage": {"prompt_tokens": 40, "completion_tokens": 60, "total_tokens": 100}}

    async def tell(call: Call) -> None:
        call.answer(json.dumps(usage).encode(), headers="content-type: application/json\r\n")

    async with Limited(Limits(tokens_per_minute=250)) as plane:
        await plane.serve(ModelServer(tell))
        statuses = [(await answer_of(plane))[0] for _ in range(5)]
        # The second is reckoned with what the first took; a third has no room.
        assert statuses == [200, 200, 429, 429, 429]
        assert plane.used() == {"tokens_per_minute": 200}


async def test_a_stream_is_charged_by_its_usage_or_else_by_its_events() -> None:
    last = b'data: {"usage": {"prompt_tokens": 7, "completion_tokens": 5}}\n\n'

    async def stream(call: Call) -> None:
        call.begin_chunks()
        for _ in range(4):
            call.chunk(b'data: {"choices": [], "usage": null}\n\n')
        if len(server.calls) == 1:
            call.chunk(last[:30])
            call.chunk(last[30:])
        call.chunk(b"data: [DONE]\n\n")
        call.chunk(b"")

    server = ModelServer(stream)
    async with Limited(budget(Counted.TOKENS, 1000)) as plane:
        await plane.serve(server)
        assert (await answer_of(plane))[0] == 200
        assert plane.used() == {"tokens_per_day": 12}
        assert (await answer_of(plane))[0] == 200
        prompt = -(-len(CHAT) // 4)
        assert plane.used() == {"tokens_per_day": 12 + prompt + 4}


async def test_a_spent_budget_says_who_can_raise_it_and_that_trying_again_is_vain() -> None:
    async with Limited(budget(Counted.REQUESTS, 2)) as plane:
        await plane.serve(ModelServer())
        assert [(await answer_of(plane))[0] for _ in range(2)] == [200, 200]
        status, headers, body = await answer_of(plane)
        error = json.loads(body)["error"]
        assert (status, error["type"], error["code"]) == (429, "insufficient_quota", "insufficient_quota")
        assert headers["x-should-retry"] == "false"
        assert "homeport token limits test" in error["hint"]


async def test_a_client_that_leaves_frees_its_place_and_is_charged_what_it_got() -> None:
    async def begin(call: Call) -> None:
        call.begin_chunks()
        call.chunk(b'data: {"choices": []}\n\n')
        await call.gone.wait()

    async with Limited(Limits(concurrent_requests=1, budgets=budget(Counted.TOKENS, 1000).budgets)) as plane:
        await plane.serve(ModelServer(begin))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT, JSON)
        await client.head()
        await client.chunk()
        client.close()
        await plane.until(lambda: plane.used()["concurrent_requests"] == 0)
        assert plane.used()["tokens_per_day"] == -(-len(CHAT) // 4) + 1


async def test_without_a_lender_a_gateway_admits_a_small_share() -> None:
    async with DataPlane() as plane:
        plane.principals[TOKEN] = replace(TestPrincipal(), limits=Limits(requests_per_minute=120))
        await plane.serve(ModelServer())
        statuses = [(await answer_of(plane))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]


async def test_nobody_waits_long_for_a_lender_that_does_not_answer() -> None:
    async with DataPlane() as plane:
        plane.principals[TOKEN] = replace(TestPrincipal(), limits=Limits(requests_per_minute=120))
        await plane.serve(ModelServer())
        plane.gateway.limiter.connected()
        # It goes on alone.
        assert [(await answer_of(plane))[0] for _ in range(4)] == [200, 200, 200, 429]


async def test_a_request_that_leads_nowhere_is_not_charged() -> None:
    async with Limited(budget(Counted.REQUESTS, 2)) as plane:
        await plane.serve(ModelServer())
        assert (await answer_of(plane, b'{"model": "other"}'))[0] == 404
        assert (await answer_of(plane))[0] == 200
        assert plane.used() == {"requests_per_day": 1}


async def test_a_token_without_limits_is_told_of_none() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        status, headers, _ = await answer_of(plane)
        assert status == 200
        assert not [name for name in headers if name.startswith("x-ratelimit")]


async def test_a_full_gateway_lets_the_one_in_who_has_least_and_turns_others_away_at_once() -> None:
    release = asyncio.Event()

    async def wait(call: Call) -> None:
        await release.wait()
        call.answer(b"{}")

    async with DataPlane() as plane:
        plane.gateway.room = Room(most=2, most_waiting=2)
        plane.principals["hp1.quiet.x"] = replace(TestPrincipal(), token_id="quiet")
        server = ModelServer(wait)
        await plane.serve(server)
        flood = [await plane.connect() for _ in range(5)]
        for client in flood:
            client.send("POST", "/v1/chat/completions", CHAT, JSON)
        await plane.until(lambda: len(server.calls) == 2 and plane.gateway.room.waiting == 2)
        done, waiting = await asyncio.wait(
            [asyncio.create_task(each.answer()) for each in flood], return_when=asyncio.FIRST_COMPLETED
        )
        status, headers, _ = done.pop().result()
        assert (status, headers["retry-after"]) == (503, "1")
        quiet = await plane.connect()
        quiet.send("POST", "/v1/chat/completions", CHAT, JSON, token="hp1.quiet.x")
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert done.pop().result()[0] == 503
        release.set()
        assert (await quiet.answer())[0] == 200
        assert [(await each)[0] for each in waiting] == [200, 200, 200]
        await plane.until(lambda: not plane.gateway.room.is_crowded)
