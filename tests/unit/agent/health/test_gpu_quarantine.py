"""A GPU that fails is kept out, alone, until a person clears it: through the real binding and a real state file."""

import asyncio
from pathlib import Path

import pytest

from agent.fingerprint.gather import Fingerprint
from agent.fingerprint.gpu_events import follow_xids
from agent.health.gpu_quarantine import GpuQuarantine
from agent.state.database import StateDatabase
from agent.state.gpu_records import GpuRecords
from tests.fakes.clock import FakeClock
from tests.fakes.nvml import build_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


class Host:
    def __init__(self, folder: Path) -> None:
        self.wall = FakeClock(1000.0)
        self.changes = 0
        self._folder = folder
        self.start()

    def start(self) -> None:
        """The agent, anew."""
        self.database = StateDatabase.open_inline(self._folder / "agent.db")
        self.quarantine = GpuQuarantine(GpuRecords(self.database), self.wall, self._changed)
        self.fingerprint = Fingerprint(self._folder, (), confine=self.quarantine.look)

    async def look(self) -> dict[str, str]:
        """GPU to why it is in quarantine."""
        await self.fingerprint.probe()
        return {gpu.uuid: gpu.quarantine for gpu in self.fingerprint.inventory.gpus if gpu.quarantine}

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def host(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_GPUS", "3")
    return Host(tmp_path)


async def test_sound_gpus_are_left_alone(host: Host) -> None:
    assert await host.look() == {}
    assert [gpu.is_usable for gpu in host.fingerprint.inventory.gpus] == [True] * 3


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("FAKE_NVML_LOST", "GPU is lost"),
        ("FAKE_NVML_ECC", "3 uncorrectable memory errors"),
        ("FAKE_NVML_REMAP", "a bad memory row could not be replaced"),
    ],
)
async def test_a_failed_one_is_out_over_restarts_until_it_is_cleared(
    host: Host, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    await host.look()
    monkeypatch.setenv(name, "1")
    assert await host.look() == {"GPU-fake-1": fault}
    host.wall.advance(100)
    monkeypatch.delenv(name)
    assert await host.look() == {"GPU-fake-1": fault}, "that it answers again proves nothing"
    host.database.close()
    host.start()
    await host.quarantine.load()
    assert await host.look() == {"GPU-fake-1": fault}
    assert host.quarantine.uuids() == {"GPU-fake-1"}
    await host.quarantine.clear({"GPU-fake-1": 999.0, "GPU-fake-0": 1000.0})
    assert host.quarantine.uuids() == {"GPU-fake-1"}, "that was another quarantine"
    await host.quarantine.clear({"GPU-fake-1": 1000.0})
    assert await host.look() == {}


async def test_memory_errors_that_were_there_when_it_was_cleared_are_forgiven(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_NVML_ECC", "1")
    assert list(await host.look()) == ["GPU-fake-1"]
    await host.quarantine.clear({"GPU-fake-1": 1000.0})
    assert await host.look() == {}


async def test_one_that_is_gone_is_still_shown_after_a_restart(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    await host.look()
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    assert await host.look() == {"GPU-fake-2": "is not there any more"}
    host.database.close()
    host.start()
    await host.quarantine.load()
    assert await host.look() == {"GPU-fake-2": "is not there any more"}
    [gone] = [gpu for gpu in host.fingerprint.inventory.gpus if gpu.quarantine]
    assert (gone.name, gone.memory_bytes) == ("NVIDIA Fake 24GB", 24 << 30)


@pytest.mark.parametrize(("xid", "confined"), [("79", ["GPU-fake-1"]), ("13", [])])
async def test_the_driver_tells_what_a_look_would_not_find(
    host: Host, monkeypatch: pytest.MonkeyPatch, xid: str, confined: list[str]
) -> None:
    await host.look()
    monkeypatch.setenv("FAKE_NVML_XID", xid)
    heard = asyncio.Event()

    async def tell(uuid: str, number: int) -> None:
        await host.quarantine.xid(uuid, number)
        heard.set()

    listening = asyncio.create_task(follow_xids(tell))
    await asyncio.wait_for(heard.wait(), 60)
    listening.cancel()
    await asyncio.wait([listening])
    assert sorted(await host.look()) == confined
    assert host.changes == len(confined)


async def test_an_error_of_a_partitioned_gpu_keeps_all_of_its_slices_out(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    monkeypatch.setenv("FAKE_NVML_MIG", "1")
    host = Host(tmp_path)
    assert await host.look() == {}
    await host.quarantine.xid("GPU-fake-1", 79)
    assert set(await host.look()) == {"MIG-fake-1", "MIG-fake-3"}
