"""What a host really has, before each start: in the words of a refusal, and what is waited for."""

from pathlib import Path
from typing import Any

import pytest

from agent.fingerprint.gpu_nvidia import live_gpus
from agent.fingerprint.memory import available_memory
from agent.placement import Placement
from agent.reconcile.admission import Admission, shortage
from agent.state.journal import ReplicaRecord
from homeport.core.refusal import Refusal, RefusalCode
from homeport.core.resources import ComputeNeeds, Gpu
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload
from tests.fakes.nvml import build_library
from tests.fakes.reconciling import Host, all_are, story
from tests.fleet.virtual_time import run_in_virtual_time

GIB = 2**30


def record(milli: int = 1000, driver: str = "docker", **needs: Any) -> ReplicaRecord:
    workload = Workload(driver, needs=ComputeNeeds(**needs))
    uuids = ("GPU-a",) if needs.get("accelerators") else ()
    return ReplicaRecord("r1", "p", "chat", 1, "v1", workload, uuids, gpu_milli=milli)


def gpus(used_gib: float, problem: str = "") -> dict[str, Gpu]:
    return {"GPU-a": Gpu("GPU-a", "NVIDIA L4", 24 * GIB, int(used_gib * GIB), problem=problem)}


@pytest.mark.parametrize(
    ("of", "available_gib", "live", "code", "need", "have"),
    [
        (record(memory_bytes=8 * GIB), 3, {}, RefusalCode.MEMORY_SHORT, "8Gi of memory", "3Gi available on the host"),
        (
            record(accelerators=1, accelerator_memory_bytes=12 * GIB),
            64,
            gpus(14),
            RefusalCode.DEVICE_MEMORY_SHORT,
            "12Gi of the memory of GPU-a",
            "10Gi free, by the driver",
        ),
        (
            record(500, accelerators=1),
            64,
            gpus(18),
            RefusalCode.DEVICE_MEMORY_SHORT,
            "9.6Gi of the memory of GPU-a",
            "6Gi free, by the driver",
        ),
        (record(accelerators=1), 64, gpus(0, "GPU is lost"), RefusalCode.DEVICES_UNUSABLE, "GPU-a", "GPU is lost"),
        (
            record(accelerators=1),
            64,
            {"GPU-b": Gpu("GPU-b", "NVIDIA L4", 24 * GIB)},
            RefusalCode.DEVICES_UNUSABLE,
            "GPU-a",
            "it is not there any more",
        ),
    ],
)
def test_what_is_short_is_told_with_its_numbers(
    of: ReplicaRecord, available_gib: int, live: dict[str, Gpu], code: RefusalCode, need: str, have: str
) -> None:
    assert shortage(of, available_gib * GIB, live) == Refusal("chat", code, need, have)


@pytest.mark.parametrize(
    ("of", "live"),
    [
        (record(memory_bytes=3 * GIB), {}),
        (record(accelerators=1, accelerator_memory_bytes=24 * GIB), gpus(1)),
        (record(accelerators=1), gpus(2)),
        (record(500, accelerators=1), gpus(13)),
        (record(accelerators=1), {}),
    ],
)
def test_what_the_driver_keeps_for_itself_and_what_nobody_knows_stops_nothing(
    of: ReplicaRecord, live: dict[str, Gpu]
) -> None:
    assert shortage(of, 3 * GIB, live) is None


def test_what_is_about_to_be_free_is_waited_for() -> None:
    looks = [GIB, GIB, 9 * GIB]

    async def nobody() -> dict[str, Gpu]:
        raise AssertionError("no GPU is asked about where none is needed")

    async def told() -> None:
        admission = Admission(lambda: looks.pop(0), nobody)
        assert await admission.refusal(record(memory_bytes=8 * GIB)) is None
        assert looks == []
        never = Admission(lambda: GIB, nobody)
        found = await never.refusal(record(memory_bytes=8 * GIB))
        assert found is not None
        assert await never.refusal(record(driver="simulated", memory_bytes=8 * GIB)) is None

    run_in_virtual_time(told())


@story
async def test_a_replica_that_is_not_admitted_is_refused_tried_again_and_started_once_it_can(tmp_path: Path) -> None:
    host = Host(tmp_path)
    await host.start()
    refusal = Refusal("chat", RefusalCode.MEMORY_SHORT, "8Gi of memory", "3Gi available on the host")
    host.short["chat"] = refusal
    host.want(Placement("p", "chat", 1, 0, 1, 1, Workload("simulated"), "v1"), 1)
    await host.until(all_are(ReplicaStatus.FAILED, 1))
    assert host.reconciler.refused() == (refusal,)
    assert host.replicas()[0].reason.startswith("needs 8Gi of memory, has 3Gi available on the host")
    host.short.clear()
    await host.until(all_are(ReplicaStatus.READY, 1))
    assert host.reconciler.refused() == ()
    await host.kill(stop_replicas=True)


@story
async def test_where_some_of_it_runs_nothing_is_refused(tmp_path: Path) -> None:
    host = Host(tmp_path)
    await host.start()
    placement = Placement("p", "chat", 1, 0, 1, 2, Workload("simulated"), "v1")
    host.want(placement, 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    host.short["chat"] = Refusal("chat", RefusalCode.MEMORY_SHORT, "8Gi of memory", "3Gi available on the host")
    host.want(placement, 2)
    await host.until(lambda replicas: {replica.status for replica in replicas} >= {ReplicaStatus.FAILED})
    assert host.reconciler.refused() == ()
    await host.kill(stop_replicas=True)


async def test_the_driver_says_what_is_free_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(build_library(tmp_path)))
    monkeypatch.setenv("FAKE_NVML_GPUS", "1")
    monkeypatch.setenv("FAKE_NVML_USED_GIB", "20")
    asked = ReplicaRecord(
        "r1", "p", "chat", 1, "v1", Workload("docker", needs=ComputeNeeds(accelerators=1)), ("GPU-fake-0",)
    )
    found = shortage(asked, 64 * GIB, await live_gpus())
    assert found is not None
    assert found.have == "4Gi free, by the driver"
    monkeypatch.setenv("FAKE_NVML_INIT_ERROR", "9")
    assert await live_gpus() == {}


def test_a_container_s_limit_counts_and_what_it_can_give_back(tmp_path: Path) -> None:
    whole = available_memory(tmp_path)
    assert whole > 1000
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert available_memory(tmp_path) == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 1000
