"""The control plane's gateways: dialled at once, and again by the next agent on the same disk."""

import asyncio
from pathlib import Path

from agent.relay.gateways import Gateways
from agent.state.database import StateDatabase
from agent.state.gateway_targets import GatewayTargetStore
from homeport.core.errors import ErrorCode, HomeportError


class Disk(GatewayTargetStore):
    full = False

    def __init__(self, database: StateDatabase) -> None:
        super().__init__(database)
        self.asked = asyncio.Event()

    async def keep(self, targets: tuple[str, ...]) -> None:
        try:
            if self.full:
                raise HomeportError(ErrorCode.STORAGE_FULL, "disk full")
            await super().keep(targets)
        finally:
            self.asked.set()


class Agent:
    def __init__(self, database: StateDatabase) -> None:
        self.disk = Disk(database)
        self.dialled: list[list[str]] = []
        self.gateways = Gateways(self.disk, "plane:8443", lambda targets: self.dialled.append(list(targets)))

    async def tell(self, *targets: str) -> None:
        """Until the disk was asked to keep them."""
        keeping = asyncio.create_task(self.gateways.run())
        self.disk.asked.clear()
        self.gateways.set(targets)
        await asyncio.wait_for(self.disk.asked.wait(), 60)
        keeping.cancel()
        await asyncio.wait([keeping])


async def test_the_next_agent_dials_those_that_were_told_last(tmp_path: Path) -> None:
    database = StateDatabase.open_inline(tmp_path / "state.db")
    agent = Agent(database)
    await agent.gateways.load()
    await agent.tell(":8444", "far.example:8444")
    await agent.tell(":8444")
    assert agent.dialled == [[], ["plane:8444", "far.example:8444"], ["plane:8444"]]
    other = Agent(database)
    await other.gateways.load()
    assert other.dialled == [["plane:8444"]]
    assert other.gateways.targets == ["plane:8444"]


async def test_a_full_disk_holds_up_no_tunnel_and_has_another_try(tmp_path: Path) -> None:
    database = StateDatabase.open_inline(tmp_path / "state.db")
    agent = Agent(database)
    agent.disk.full = True
    await agent.tell(":8444")
    assert agent.dialled == [["plane:8444"]]
    agent.disk.full = False
    await agent.tell(":8444")
    other = Agent(database)
    await other.gateways.load()
    assert other.dialled == [["plane:8444"]]
