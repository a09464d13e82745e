"""Ten thousand wrong tokens from one address, at a hundred a second: at each door ten a minute are looked at."""

from collections.abc import Callable

import pytest

from controlplane.auth.door import Door
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.gateway.callers.tokens import TokenCheck
from tests.fakes.clock import FakeClock

TRIES, PER_SECOND = 10_000, 100


def at_the_gateway(check: Callable[[str], None], clock: FakeClock) -> Callable[[str], object]:
    tokens = TokenCheck(check, clock, Guesses())
    return lambda text: tokens.invoker(f"Bearer {text}".encode(), lambda: "192.0.2.1")


def at_the_api(check: Callable[[str], None], clock: FakeClock) -> Callable[[str], object]:
    door = Door(check, Guesses(), clock)
    return lambda text: door.check(text, "192.0.2.1")


@pytest.mark.parametrize("door", [at_the_gateway, at_the_api])
def test_ten_a_minute_are_looked_at(door: Callable[..., Callable[[str], object]]) -> None:
    clock = FakeClock()
    looked_at: list[float] = []
    enter = door(lambda text: looked_at.append(clock()), clock)
    waiting = 0
    for number in range(TRIES):
        try:
            assert enter(f"hp1.id.{number}") is None
        except HomeportError as refused:
            assert refused.code is ErrorCode.TOO_MANY_REQUESTS
            waiting += 1
        clock.advance(1 / PER_SECOND)
    assert len(looked_at) + waiting == TRIES
    for at in looked_at:
        assert sum(at <= other < at + 60 for other in looked_at) <= 10
    assert 10 <= len(looked_at) <= 20  # a hundred seconds
