"""Who goes next, and who gives way in a full queue."""

import asyncio
from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from agent.relay.hold import HoldQueue

Waiter = tuple[str, int]


def in_a_loop(test: Callable[[HoldQueue[Waiter]], None]) -> None:
    """Waiters have timers, which need a loop; nothing here waits for one."""

    async def run() -> None:
        queue: HoldQueue[Waiter] = HoldQueue()
        test(queue)
        while queue.pop() is not None:
            pass

    asyncio.run(run())


def put(queue: HoldQueue[Waiter], *waiters: Waiter) -> None:
    for tenant, number in waiters:
        queue.put((tenant, number), tenant, float(number), 3600.0, lambda: None)


def drain(queue: HoldQueue[Waiter]) -> list[Waiter]:
    out = []
    while (waiter := queue.pop()) is not None:
        out.append(waiter)
    return out


def test_tenants_take_turns_and_each_keeps_its_order() -> None:
    def check(queue: HoldQueue[Waiter]) -> None:
        put(queue, ("flood", 1), ("flood", 2), ("flood", 3), ("quiet", 4), ("flood", 5), ("late", 6))
        expected = [("flood", 1), ("quiet", 4), ("late", 6), ("flood", 2), ("flood", 3), ("flood", 5)]
        assert list(queue.in_turn()) == expected
        assert drain(queue) == expected

    in_a_loop(check)


def test_who_has_been_served_goes_behind_who_came_since() -> None:
    def check(queue: HoldQueue[Waiter]) -> None:
        put(queue, ("a", 1), ("a", 2))
        assert queue.pop() == ("a", 1)
        put(queue, ("b", 3))
        assert drain(queue) == [("a", 2), ("b", 3)], "it was a's turn when b came"

    in_a_loop(check)


def test_the_oldest_is_known_whoever_it_belongs_to() -> None:
    def check(queue: HoldQueue[Waiter]) -> None:
        assert queue.oldest_since is None
        put(queue, ("a", 5), ("b", 7), ("a", 9))
        assert queue.oldest_since == 5.0
        queue.pop()
        assert queue.oldest_since == 7.0

    in_a_loop(check)


def test_in_a_full_queue_whoever_has_most_gives_way_to_who_has_less() -> None:
    def check(queue: HoldQueue[Waiter]) -> None:
        put(queue, ("flood", 1), ("flood", 2), ("flood", 3))
        assert queue.give_way("flood") is None
        assert queue.give_way("quiet") == ("flood", 3)
        put(queue, ("quiet", 4))
        assert queue.give_way("quiet") is None, "two and two: nobody has too many"
        assert len(queue) == 3

    in_a_loop(check)


def test_an_empty_queue_that_may_hold_nobody_has_nobody_to_give_way() -> None:
    def check(queue: HoldQueue[Waiter]) -> None:
        assert queue.give_way("a") is None

    in_a_loop(check)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=80), st.integers(1, 12))
def test_nobody_is_kept_out_by_a_flood_and_nobody_is_overtaken_within_its_tenant(
    steps: list[tuple[str, bool]], limit: int
) -> None:
    """Each step is one more request of a tenant, after which one may be served."""

    def check(queue: HoldQueue[Waiter]) -> None:
        waiting: Counter[str] = Counter()
        served: list[Waiter] = []
        for number, (tenant, one_is_served) in enumerate(steps):
            if len(queue) < limit or (gone := queue.give_way(tenant)) is not None:
                if len(queue) == limit - 1 and sum(waiting.values()) == limit:
                    assert gone is not None
                    waiting[gone[0]] -= 1
                put(queue, (tenant, number))
                waiting[tenant] += 1
            else:
                assert max(waiting.values()) <= waiting[tenant] + 1, "it was refused although another has far more"
            assert len(queue) == sum(waiting.values()) <= limit
            if one_is_served and (waiter := queue.pop()) is not None:
                waiting[waiter[0]] -= 1
                served.append(waiter)
        served += drain(queue)
        for tenant in "abcd":
            own = [number for name, number in served if name == tenant]
            assert own == sorted(own)

    in_a_loop(check)
