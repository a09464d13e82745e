import asyncio
import json
import stat
from pathlib import Path

import pytest

from agent.local_api.local_api import LocalApi, ask
from homeport.core.errors import HomeportError


@pytest.mark.parametrize("folder", ["short", "x" * 120])
async def test_answers_the_owner_alone(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "agent.sock"
    path.parent.mkdir()
    api = LocalApi(path, {"status": lambda: {"up": True}})
    await api.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await asyncio.to_thread(ask, path, "status") == {"up": True}
    assert "unknown question" in json.dumps(await asyncio.to_thread(ask, path, "what"))
    await api.close()
    with pytest.raises(HomeportError, match="no agent runs"):
        ask(path, "status")


async def test_a_dead_agents_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    first = LocalApi(path, {})
    await first.start()
    second = LocalApi(path, {"status": dict})
    await second.start()
    assert await asyncio.to_thread(ask, path, "status") == {}
    await second.close()
    await first.close()
