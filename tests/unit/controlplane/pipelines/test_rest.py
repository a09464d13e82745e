"""A pipeline that a returning fleet wakes leaves most of the time to the fleet."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

from controlplane.pipelines.base import Pipeline
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from tests.fleet.virtual_time import run_in_virtual_time


class _Rounds(Pipeline):
    """Of two seconds each."""

    name = "rounds"
    kinds = frozenset({Kind.NODE, Kind.DEPLOYMENT})
    swarms = frozenset({Kind.NODE})

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, poll_seconds=1000.0)
        self.began: list[float] = []

    async def reconcile_once(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(2.0)


def test_hints_of_a_swarm_are_taken_together_after_a_rest() -> None:
    async def story(store: MemoryStore, rounds: _Rounds) -> None:
        for number in range(200):
            rounds.hint_of_swarm()
            await store.write(lambda tx, number=number: tx.create(Kind.NODE, f"n{number}", {}))  # type: ignore[misc]
            await asyncio.sleep(0.1)
        await asyncio.sleep(30.0)

    began = _began(story)
    # Two seconds of work, five of rest: the longest there is.
    assert [round(later - earlier, 3) for earlier, later in itertools.pairwise(began)] == [7.0, 7.0, 7.0]


def test_what_comes_alone_is_looked_at_at_once_also_while_it_rests() -> None:
    async def story(store: MemoryStore, rounds: _Rounds) -> None:
        await asyncio.sleep(3.0)
        await store.write(lambda tx: tx.create(Kind.DEPLOYMENT, "chat", {}))
        await asyncio.sleep(30.0)

    began = _began(story)
    assert [round(at - began[0], 3) for at in began] == [0.0, 3.0]


def test_a_swarm_after_a_rest_is_looked_at_at_once() -> None:
    async def story(store: MemoryStore, rounds: _Rounds) -> None:
        await asyncio.sleep(60.0)
        rounds.hint_of_swarm()
        await asyncio.sleep(30.0)

    began = _began(story)
    assert [round(at - began[0], 3) for at in began] == [0.0, 60.0]


def _began(story: Any) -> list[float]:
    """When its rounds did, while the story is told."""

    async def tell() -> list[float]:
        store = MemoryStore()
        await store.open()
        rounds = _Rounds(store)
        running = asyncio.create_task(rounds.run())
        told: Coroutine[Any, Any, None] = story(store, rounds)
        await told
        running.cancel()
        await asyncio.wait([running])
        return rounds.began

    return run_in_virtual_time(tell())
