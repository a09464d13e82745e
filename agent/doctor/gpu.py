"""NVIDIA GPUs and their driver."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.fingerprint.gpu_nvidia import NvidiaFacts, library_is_present, probe_gpus

_CHECK = "gpu"
_PCI = Path("/sys/bus/pci/devices")
_NVIDIA = "0x10de"
_DISPLAY_CLASSES = ("0x0300", "0x0302")


def check_gpu(host: Host) -> list[Finding]:
    has_library = library_is_present()
    facts = asyncio.run(probe_gpus()) if has_library else NvidiaFacts()
    return judge_driver(_count_on_bus(), has_library, facts)


def judge_driver(on_bus: int, has_library: bool, facts: NvidiaFacts) -> list[Finding]:
    """`on_bus` counts NVIDIA devices on the PCI bus."""
    if not has_library:
        if on_bus:
            return [fail(_CHECK, f"{on_bus} NVIDIA devices, and no driver", "install the NVIDIA driver, then reboot")]
        return [ok(_CHECK, "no NVIDIA GPU here")]
    if facts.problem:
        return [fail(_CHECK, facts.problem, "nvidia-smi should say the same; reload the driver or reboot")]
    sick = [fail(_CHECK, f"{gpu.uuid}: {gpu.problem}", _mend(on_bus)) for gpu in facts.gpus if gpu.problem]
    sound = len(facts.gpus) - len(sick)
    return [ok(_CHECK, f"{sound} GPUs, driver {facts.driver_version}"), *sick] if sound else _none(sick)


def _none(sick: Sequence[Finding]) -> list[Finding]:
    return list(sick) or [warn(_CHECK, "a driver, and no GPU", "nvidia-smi -L should list them: look at dmesg")]


def _mend(on_bus: int) -> str:
    return "look at dmesg for Xid errors; a reset or a reboot mends most" if on_bus else "look at dmesg"


def _count_on_bus() -> int:
    count = 0
    for device in _PCI.glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        count += vendor == _NVIDIA and kind.startswith(_DISPLAY_CLASSES)
    return count
