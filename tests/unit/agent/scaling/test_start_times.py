"""How long starts take, learned and kept."""

import asyncio
from pathlib import Path

from agent.scaling.start_times import StartTimes
from agent.state.database import StateDatabase


async def written(times: StartTimes) -> None:
    task = asyncio.create_task(times.run())
    await asyncio.sleep(0.01)
    task.cancel()


async def test_they_are_learned_and_survive_the_agent(tmp_path: Path) -> None:
    database = StateDatabase.open_inline(tmp_path / "agent.db")
    times = StartTimes(database)
    await times.load(())
    assert times.of("chat") is None
    times.note("chat", 20.0)
    assert times.of("chat") == 20
    times.note("chat", 30.0)
    times.note("other", 5.0)
    assert times.of("chat") == 23
    await written(times)
    database.close()

    again = StateDatabase.open_inline(tmp_path / "agent.db")
    later = StartTimes(again)
    await later.load({"chat", "other"})
    assert (later.of("chat"), later.of("other")) == (23, 5)
    for deployments in ({"other"}, {"chat", "other"}):
        last = StartTimes(again)
        await last.load(deployments)
        assert (last.of("chat"), last.of("other")) == (None, 5), "one that has left is forgotten"
    again.close()
