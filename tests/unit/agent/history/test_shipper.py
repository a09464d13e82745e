"""How a node tells what it remembers, on a virtual clock: soon, once it may, and again until it is kept."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from agent.history.log import HistoryLog
from agent.history.shipper import Shipper
from agent.state.database import StateDatabase
from homeport.core.history.entry import Page
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute
from tests.fleet.virtual_time import run_in_virtual_time

MINUTE = TrafficMinute(arrivals=1)


class Told:
    """A node whose link a test holds in its hand. `said` is [(second, numbers)]."""

    def __init__(self, path: Path) -> None:
        self.clock = asyncio.get_running_loop().time
        self.began = self.clock()
        self.history = HistoryLog(StateDatabase.open_inline(path / "history.db", copied=False))
        self.shipper = Shipper(self.history, self._send, self.clock, lambda: 0.0)
        self.connected = True
        self.answers = True
        self.said: list[tuple[float, list[int]]] = []

    def _send(self, page: Page) -> bool:
        if not self.connected:
            return False
        self.said.append((round(self.clock() - self.began), [entry.number for entry in page.entries]))
        if self.answers:
            self.shipper.kept(page.log_id, page.entries[-1].number)
        return True

    def welcome(self, *features: str) -> None:
        self.connected = True
        self.shipper.welcomed(features)

    async def left(self) -> int:
        return len((await self.history.oldest(10_000)).entries)


def told(path: Path, story: Callable[[Told], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        node = Told(path)
        tasks = [asyncio.create_task(node.history.run()), asyncio.create_task(node.shipper.run())]
        await story(node)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_in_virtual_time(run())


def test_the_first_is_told_soon_and_what_follows_together(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.welcome("history")
        node.history.add("chat", 0.0, MINUTE)
        await asyncio.sleep(10)
        assert node.said == [(1, [1])]
        for _ in range(10):
            node.history.add("chat", 0.0, MINUTE)
            await asyncio.sleep(1)
        await asyncio.sleep(30)
        assert node.said[1:] == [(31, list(range(2, 12)))]
        assert await node.left() == 0

    told(tmp_path, story)


def test_an_older_control_plane_is_told_nothing(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.welcome()
        node.history.add("chat", 0.0, MINUTE)
        await asyncio.sleep(3600)
        assert node.said == []
        node.welcome("history")
        await asyncio.sleep(1)
        assert node.said == [(3600, [1])]

    told(tmp_path, story)


def test_what_happened_offline_is_told_page_by_page_after_the_reconnect(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.connected = False
        for _ in range(1200):
            node.history.add("chat", 0.0, MINUTE)
        await asyncio.sleep(600)
        node.welcome("history")
        await asyncio.sleep(5)
        assert [(second, len(numbers)) for second, numbers in node.said] == [(600, 500), (600, 500), (600, 200)]
        assert await node.left() == 0

    told(tmp_path, story)


def test_what_nobody_acknowledged_is_told_again(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.welcome("history")
        node.answers = False
        node.history.add("chat", 0.0, MINUTE)
        await asyncio.sleep(40)
        assert node.said == [(1, [1]), (31, [1])]
        assert await node.left() == 1
        node.answers = True
        node.welcome("history")
        await asyncio.sleep(1)
        assert node.said[2:] == [(40, [1])]
        assert await node.left() == 0

    told(tmp_path, story)


def test_what_this_control_plane_does_not_take_waits_for_one_that_does(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.welcome("history")
        node.history.add("chat", 60.0, MINUTE)
        node.history.add("chat", 61.0, TokenUsage("t1", 2))
        node.history.add("chat", 120.0, MINUTE)
        await asyncio.sleep(200)
        assert [numbers for _, numbers in node.said] == [[1]]
        assert await node.left() == 2
        node.welcome("history", "token_usage")
        await asyncio.sleep(60)
        assert [numbers for _, numbers in node.said] == [[1], [2, 3]]
        assert await node.left() == 0

    told(tmp_path, story)


def test_faults_that_this_control_plane_does_not_take_hold_up_nothing(tmp_path: Path) -> None:
    async def story(node: Told) -> None:
        node.welcome("history")
        node.history.add("chat", 60.0, ReplicaFault("r1", 1, "lost", ejections=1))
        await asyncio.sleep(100)
        assert (node.said, await node.left()) == ([], 0)
        node.history.add("chat", 60.0, MINUTE)
        node.history.add("chat", 61.0, ReplicaFault("r1", 1, "lost", ejections=1))
        await asyncio.sleep(100)
        assert [numbers for _, numbers in node.said] == [[2]]
        node.welcome("history", "replica_faults")
        node.history.add("chat", 120.0, ReplicaFault("r1", 1, "lost", ejections=1))
        await asyncio.sleep(100)
        assert [numbers for _, numbers in node.said] == [[2], [4]]
        assert await node.left() == 0

    told(tmp_path, story)
