"""What tokens asked here, on its way into the history."""

from agent.local_gateway.usage import UsageCounter
from homeport.core.history.token_usage import TokenUsage
from tests.fakes.clock import FakeClock


class Counting:
    def __init__(self) -> None:
        self.clock, self.wall = FakeClock(0.0), FakeClock(5000.0)
        self.linked = True
        self.told: list[tuple[str, float, TokenUsage]] = []
        self.counter = UsageCounter(lambda *each: self.told.append(each), self.clock, self.wall, lambda: self.linked)

    def after(self, seconds: float) -> int:
        self.clock.advance(seconds)
        self.counter.look()
        return len(self.told)


def test_it_adds_up_and_is_told_after_a_minute() -> None:
    counting = Counting()
    for tokens in (3, 4):
        counting.counter.note("chat", "t1", tokens)
    counting.counter.note("chat", "t2", 1)
    # A revision beside the others is of the same deployment.
    counting.counter.note("chat@1", "t1", 5)
    assert counting.after(59.0) == 0
    assert counting.after(1.0) == 2
    assert counting.told == [("chat", 5000.0, TokenUsage("t1", 3, 12)), ("chat", 5000.0, TokenUsage("t2", 1, 1))]
    assert counting.after(1000.0) == 2


def test_alone_it_is_told_seldom_since_it_waits_on_the_disk() -> None:
    counting = Counting()
    counting.linked = False
    counting.counter.note("chat", "t1", 0)
    assert counting.after(599.0) == 0
    assert counting.after(1.0) == 1


def test_at_the_end_all_is_told() -> None:
    counting = Counting()
    counting.counter.note("chat", "t1", 0)
    counting.counter.tell()
    counting.counter.tell()
    assert counting.told == [("chat", 5000.0, TokenUsage("t1", 1, 0))]
