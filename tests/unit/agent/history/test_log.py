"""What a node remembers, on the disk: numbered once, kept over kills, bounded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.history.log import HistoryLog
from agent.state.database import StateDatabase
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Told
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.traffic_minute import TrafficMinute

START = ColdStart("r1", 2, StartParts(queue_seconds=0.01, create_seconds=0.02, load_seconds=1.5), "")
CHANGE = ScalingChange(0, 1, 1, "concurrency", "1 request waits", {"queued": 1.0, "oldest_wait_seconds": 0.25})
MINUTE = TrafficMinute(60, 59, 30.5, 1.25, 3, 5, 900)

Opened = Callable[..., HistoryLog]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Each call is an agent that was started after the one before was killed: nothing is closed."""

    def open_again(most: int = 100) -> HistoryLog:
        database = StateDatabase.open_inline(tmp_path / f"{len(databases)}.db", copied=False)
        databases.append(database)
        return HistoryLog(database, most)

    databases: list[StateDatabase] = []
    return open_again


async def _written(history: HistoryLog, *told: Told) -> HistoryLog:
    for second, each in enumerate(told):
        history.add("chat", 1000.0 + second, each)
    await history.write()
    return history


async def test_everything_comes_back_as_it_was(opened: Opened) -> None:
    page = await (await _written(opened(), START, CHANGE, MINUTE)).oldest(10)
    assert [entry.told for entry in page.entries] == [START, CHANGE, MINUTE]
    assert [(entry.number, entry.deployment_id, entry.time) for entry in page.entries] == [
        (1, "chat", 1000.0),
        (2, "chat", 1001.0),
        (3, "chat", 1002.0),
    ]


async def test_a_killed_agent_goes_on_counting_in_the_same_log(tmp_path: Path) -> None:
    first = StateDatabase.open_inline(tmp_path / "history.db", copied=False)
    before = await (await _written(HistoryLog(first), START, CHANGE)).oldest(10)
    first.close()
    second = HistoryLog(StateDatabase.open_inline(tmp_path / "history.db", copied=False))
    await second.load()
    assert second.filled.is_set()
    after = await (await _written(second, MINUTE)).oldest(10)
    assert after.log_id == before.log_id
    assert [entry.number for entry in after.entries] == [1, 2, 3]


async def test_numbers_are_never_given_twice_though_all_was_forgotten(tmp_path: Path) -> None:
    first = StateDatabase.open_inline(tmp_path / "history.db", copied=False)
    history = await _written(HistoryLog(first), START, CHANGE)
    await history.forget(2)
    assert not history.filled.is_set()
    first.close()
    second = HistoryLog(StateDatabase.open_inline(tmp_path / "history.db", copied=False))
    await second.load()
    page = await (await _written(second, MINUTE)).oldest(10)
    assert [entry.number for entry in page.entries] == [3]


async def test_what_is_kept_elsewhere_goes_and_what_came_meanwhile_stays(opened: Opened) -> None:
    history = await _written(opened(), START, CHANGE, MINUTE)
    page = await history.oldest(2)
    await _written(history, START)
    await history.forget(page.entries[-1].number)
    assert [entry.number for entry in (await history.oldest(10)).entries] == [3, 4]


async def test_the_oldest_go_when_too_much_waits(opened: Opened) -> None:
    history = await _written(opened(most=5), *[MINUTE] * 12)
    assert [entry.number for entry in (await history.oldest(100)).entries] == [8, 9, 10, 11, 12]


async def test_a_new_file_is_another_log(opened: Opened) -> None:
    one, other = await _written(opened(), START), await _written(opened(), START)
    assert (await one.oldest(1)).log_id != (await other.oldest(1)).log_id
