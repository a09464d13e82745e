"""The real NVML binding against a scripted libnvidia-ml.so.1."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.drivers.driver import DriverUnavailable
from agent.drivers.runtime import Runtime
from agent.fingerprint.gather import Fingerprint, without_noise
from agent.fingerprint.gpu_nvidia import library_is_present, probe_gpus
from agent.fingerprint.network import probe_network
from agent.policy import HostPolicy
from homeport.core.resources import Gpu, Inventory
from tests.fakes.nvml import build_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(autouse=True)
def fake_nvml(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_GPUS", "3")


def test_the_library_is_seen_without_loading_it(library: Path) -> None:
    assert library_is_present({"LD_LIBRARY_PATH": f"/nowhere:{library}"})


async def test_gpus_are_told_by_uuid() -> None:
    facts = await probe_gpus()
    assert facts.driver_version == "570.00.01"
    assert facts.problem == ""
    assert [gpu.uuid for gpu in facts.gpus] == ["GPU-fake-0", "GPU-fake-1", "GPU-fake-2"]
    assert facts.gpus[0] == Gpu(
        "GPU-fake-0", "NVIDIA Fake 24GB", 24 << 30, 1 << 30, "00000000:01:00.0", 7, "9.0", problem=""
    )


async def test_a_lost_gpu_marks_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_LOST", "1")
    facts = await probe_gpus(before)
    assert {gpu.uuid: gpu.problem for gpu in facts.gpus} == {
        "GPU-fake-0": "",
        "GPU-fake-1": "GPU is lost",
        "GPU-fake-2": "",
    }
    assert next(gpu for gpu in facts.gpus if gpu.problem).memory_bytes == 24 << 30
    assert facts.problem == ""


async def test_a_gpu_that_hangs_is_cut_off_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_HANG", "1")
    facts = await probe_gpus(before, deadline=1.0)
    assert {gpu.uuid: bool(gpu.problem) for gpu in facts.gpus} == {
        "GPU-fake-0": False,
        "GPU-fake-1": True,
        "GPU-fake-2": False,
    }
    assert "does not answer within 1 s" in next(gpu.problem for gpu in facts.gpus if gpu.problem)


async def test_a_gpu_that_always_hung_is_shown_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_HANG", "0")
    facts = await probe_gpus(deadline=1.0)
    assert [gpu.uuid for gpu in facts.gpus if not gpu.problem] == ["GPU-fake-1", "GPU-fake-2"]
    assert [gpu.uuid for gpu in facts.gpus if gpu.problem] == ["unknown-0"]


async def test_a_driver_that_hangs_is_a_problem_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_HANG", "init")
    facts = await probe_gpus(before, deadline=0.5)
    assert facts.problem == "NVML did not answer within 0.5 s"
    assert all(gpu.problem for gpu in facts.gpus)
    assert len(facts.gpus) == 3


async def test_an_error_at_init_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_INIT_ERROR", "9")
    facts = await probe_gpus()
    assert facts.gpus == ()
    assert facts.problem == "NVML: Driver Not Loaded"


async def test_a_gpu_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    facts = await probe_gpus(before)
    assert [gpu.problem for gpu in facts.gpus] == ["", "", "is not there any more"]


async def test_a_partitioned_gpu_is_told_by_its_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_MIG", "1")
    facts = await probe_gpus(whole)
    assert facts.cuda_version == "12.8"
    assert [(gpu.uuid, gpu.problem) for gpu in facts.gpus] == [
        ("GPU-fake-0", ""),
        ("MIG-fake-1", ""),
        ("MIG-fake-3", ""),
        ("GPU-fake-2", ""),
    ]
    big, small = facts.gpus[1:3]
    assert (big.name, big.mig_profile, big.parent_uuid) == ("NVIDIA Fake 24GB MIG 3g.12gb", "3g.12gb", "GPU-fake-1")
    assert (big.memory_bytes, small.memory_bytes, small.mig_profile) == (12 << 30, 3 << 30, "1g.3gb")
    assert set(facts.signs) == {gpu.uuid for gpu in facts.gpus}
    monkeypatch.setenv("FAKE_NVML_MIG_NAMES", "0")
    assert (await probe_gpus()).gpus[1:3] == (big, small), "the profile follows from what a slice has"


async def test_a_gpu_that_is_cut_anew_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_MIG", "0")
    cut = (await probe_gpus(whole)).gpus
    monkeypatch.delenv("FAKE_NVML_MIG")
    assert (await probe_gpus(cut)).gpus == whole


async def test_trouble_of_a_partitioned_gpu_is_that_of_its_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVML_MIG", "1")
    before = (await probe_gpus()).gpus
    monkeypatch.setenv("FAKE_NVML_LOST", "1")
    facts = await probe_gpus(before)
    troubled = {gpu.uuid: gpu.problem for gpu in facts.gpus if gpu.problem}
    assert set(troubled) == {"MIG-fake-1", "MIG-fake-3"}
    monkeypatch.delenv("FAKE_NVML_LOST")
    monkeypatch.setenv("FAKE_NVML_ECC", "1")
    signs = (await probe_gpus(before)).signs
    assert {uuid for uuid, sign in signs.items() if sign.ecc_uncorrected} == {"MIG-fake-1", "MIG-fake-3"}


async def test_what_the_policy_and_the_engine_say_is_told(tmp_path: Path) -> None:
    policy = HostPolicy(devices=("GPU-fake-2",), labels={"disk": "nvme"}, network_mbps=10_000, replicas_per_gpu=4)
    found = Runtime("Docker 27.1.1", "no CDI", ("llama:1",))
    answers: list[Runtime | Exception] = [found, DriverUnavailable("no answer within 15 s")]

    async def runtime() -> Runtime:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    fingerprint = Fingerprint(tmp_path, ("docker",), runtime=runtime, policy=policy)
    await fingerprint.probe()
    inventory = fingerprint.inventory
    assert [(gpu.uuid, gpu.most_sharing) for gpu in inventory.gpus] == [("GPU-fake-2", 4)]
    assert (inventory.labels, inventory.network_mbps) == ({"disk": "nvme"}, 10_000)
    assert (inventory.engine, inventory.engine_gpu_obstacle) == ("Docker 27.1.1", "no CDI")
    await fingerprint.probe()
    assert fingerprint.inventory.images == ("llama:1",), "silence is no news"
    assert fingerprint.inventory.problems == ("container engine: no answer within 15 s",)


def test_an_interface_that_tells_no_speed_has_none(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text("Iface\tDestination\tGateway\nlo\t0000FEA9\t0\nnone0\t00000000\t0102A8C0\n")
    assert probe_network(routes) == 0
    assert probe_network(tmp_path / "nothing") == 0


async def test_a_driver_without_its_runtime_is_not_offered(tmp_path: Path) -> None:
    fingerprint = Fingerprint(tmp_path, ("docker", "process"), has_runtime=lambda driver: driver == "process")
    await fingerprint.probe()
    assert fingerprint.inventory.drivers == ("process",)


async def test_the_fingerprint_holds_everything(tmp_path: Path) -> None:
    fingerprint = Fingerprint(tmp_path, ("process",), "box")
    assert await fingerprint.probe()
    inventory = fingerprint.inventory
    assert inventory.hostname == "box"
    assert inventory.cpu_milli >= 1000
    assert inventory.memory_bytes > 1 << 28
    assert inventory.disk_bytes >= inventory.disk_free_bytes > 0
    assert len(inventory.gpus) == 3
    assert inventory.drivers == ("process",)
    assert inventory.problems == ()


async def test_a_problem_is_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = Fingerprint(tmp_path, ())
    await fingerprint.probe()
    monkeypatch.setenv("FAKE_NVML_LOST", "0")
    assert await fingerprint.probe()


def test_noise_is_no_news() -> None:
    gpu = Gpu("GPU-1", "x", 24 << 30, 1 << 30, utilization_percent=51)
    inventory = Inventory("box", disk_free_bytes=(100 << 30) + 5, gpus=(gpu,))
    busier = replace(gpu, memory_used_bytes=(1 << 30) + 1000, utilization_percent=58)
    assert without_noise(inventory) == without_noise(replace(inventory, disk_free_bytes=100 << 30, gpus=(busier,)))
    full = replace(gpu, memory_used_bytes=20 << 30)
    assert without_noise(inventory) != without_noise(replace(inventory, gpus=(full,)))
