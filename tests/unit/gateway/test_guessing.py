"""Wrong tokens at the gateway."""

import json

from homeport.core.guessing import Guesses
from homeport.gateway.callers.tokens import TokenCheck
from tests.fakes.clock import FakeClock
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import ModelServer

RIGHT = b"Bearer right"


def check(clock: FakeClock) -> TokenCheck:
    return TokenCheck(lambda token: TestPrincipal() if token == "right" else None, clock, Guesses())


def here() -> str:
    return "192.0.2.1"


async def test_after_ten_wrong_tokens_an_answer_says_for_how_long_to_wait() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        client = await plane.connect()
        assert (await client.ask("POST", "/d/chat/x", b"{}"))[0] == 200
        statuses = []
        for number in range(30):
            status, headers, body = await client.ask("POST", "/d/chat/x", b"{}", token=f"hp1.none.{number}")
            statuses.append(status)
        assert statuses == [401] * 10 + [429] * 20
        assert 0 < int(headers["retry-after"]) <= 60
        assert json.loads(body)["error"]["type"] == "rate_limit_error"
        assert (await client.ask("POST", "/d/chat/x", b"{}"))[0] == 200
        client.close()


def test_who_was_in_before_goes_on_when_the_accepted_are_looked_at_again() -> None:
    clock = FakeClock()
    tokens = check(clock)
    assert tokens.invoker(RIGHT, here) is not None
    for number in range(10):
        assert tokens.invoker(b"Bearer wrong-%d" % number, here) is None
    clock.advance(30)
    assert tokens.invoker(RIGHT, here) is not None
