"""NVIDIA GPUs through NVML, asked in a child process: a driver that hangs takes a child with it, never the agent."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from homeport.core.gpu_health import Signs
from homeport.core.resources import Gpu

LIBRARY = "libnvidia-ml.so.1"
_LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
)
_CONTROL_DEVICE = "/dev/nvidiactl"
# An idle driver without persistence mode takes over a second to wake up.
DEADLINE_SECONDS = 10.0
# GPUs that may hang in one round; each costs a deadline.
_MOST_HANGS = 2


@dataclass(frozen=True, slots=True)
class NvidiaFacts:
    """`problem` is about the driver as a whole; a single GPU's stands with it. `signs`: of those that answered."""

    gpus: tuple[Gpu, ...] = ()
    driver_version: str = ""
    cuda_version: str = ""
    problem: str = ""
    signs: Mapping[str, Signs] = field(default_factory=dict)


@dataclass(slots=True)
class _Answer:
    lines: list[dict[str, Any]] = field(default_factory=list)
    hung: bool = False
    error: str = ""


def library_is_present(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this host has an NVIDIA driver at all; looking is cheap, asking NVML is not."""
    folders = [*environment.get("LD_LIBRARY_PATH", "").split(":"), *_LIBRARY_FOLDERS]
    return any(folder and Path(folder, LIBRARY).exists() for folder in folders) or Path(_CONTROL_DEVICE).exists()


async def probe_gpus(previous: Sequence[Gpu] = (), deadline: float = DEADLINE_SECONDS) -> NvidiaFacts:
    """`previous` are the GPUs of the probe before: one that is gone or mute keeps its name and gets a problem.

    Never raises and never takes longer than a few deadlines.
    """
    mute: set[int] = set()
    while True:
        answer = await _ask(mute, deadline)
        lines = answer.lines
        if not lines:
            problem = f"NVML did not answer within {deadline:g} s" if answer.hung else answer.error
            return NvidiaFacts(_all_with_problem(previous, problem), problem=problem)
        if "problem" in lines[0]:
            return NvidiaFacts(_all_with_problem(previous, lines[0]["problem"]), problem=f"NVML: {lines[0]['problem']}")
        gpus = [gpu for line in lines[1:] for gpu in _gpus(line, previous)]
        if answer.hung and len(mute) < _MOST_HANGS:
            mute.add(_next_index(lines, mute))
            continue
        problem = f"NVML did not answer within {deadline:g} s" if answer.hung else answer.error
        silent = f"does not answer within {deadline:g} s" if mute or answer.hung else "is not there any more"
        found = _with_absent(gpus, _not_repartitioned(previous, lines[1:]), silent, mute)
        signs = {gpu.uuid: _signs(line) for line in lines[1:] for gpu in _gpus(line, previous)}
        return NvidiaFacts(found, lines[0]["driver"], lines[0]["cuda"], problem, signs)


async def live_gpus() -> dict[str, Gpu]:
    """By UUID, as they are now. Empty when the driver as a whole does not answer."""
    facts = await probe_gpus() if library_is_present() else NvidiaFacts()
    return {} if facts.problem else {gpu.uuid: gpu for gpu in facts.gpus}


async def _ask(skipped: Iterable[int], deadline: float) -> _Answer:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent.fingerprint.nvml_probe",
        ",".join(str(index) for index in sorted(skipped)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    answer = _Answer()
    try:
        async with asyncio.timeout(deadline):
            async for line in child.stdout:
                answer.lines.append(json.loads(line))
            code = await child.wait()
            answer.error = "" if code == 0 else f"the NVML probe ended with exit code {code}"
    except (TimeoutError, ValueError):
        answer.hung = True
    finally:
        await _end(child)
    return answer


async def _end(child: asyncio.subprocess.Process) -> None:
    """A child that hangs in the driver may not even die; it is left behind then."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await child.wait()


def _gpus(line: dict[str, Any], previous: Sequence[Gpu]) -> list[Gpu]:
    """The GPU, or the slices that it was cut into: of a partitioned GPU nothing else can be used. One that is in
    trouble does not tell them, and has those that it had."""
    gpu = _gpu(line)
    if "slices" in line:
        return [_slice(gpu, each) for each in line["slices"]]
    if gpu.problem and gpu.uuid:
        before = [replace(known, problem=gpu.problem) for known in previous if known.parent_uuid == gpu.uuid]
        return before or [gpu]
    return [gpu]


def _slice(gpu: Gpu, line: dict[str, Any]) -> Gpu:
    return replace(
        gpu,
        uuid=line["uuid"],
        name=line["name"],
        memory_bytes=line["memory_bytes"],
        memory_used_bytes=line["memory_used_bytes"],
        mig_profile=line["profile"],
        parent_uuid=gpu.uuid,
    )


def _not_repartitioned(previous: Sequence[Gpu], lines: Iterable[dict[str, Any]]) -> list[Gpu]:
    """Without those whose GPU answers: what it was cut into before is gone because a person cut it anew."""
    sound = {line["uuid"]: "slices" in line for line in lines if "uuid" in line and "problem" not in line}
    return [gpu for gpu in previous if gpu.parent_uuid not in sound and not sound.get(gpu.uuid)]


def _gpu(line: dict[str, Any]) -> Gpu:
    return Gpu(
        uuid=line.get("uuid", ""),
        name=line.get("name", ""),
        memory_bytes=line.get("memory_bytes", 0),
        memory_used_bytes=line.get("memory_used_bytes", 0),
        pci_bus_id=line.get("pci_bus_id", ""),
        utilization_percent=line.get("utilization_percent", 0),
        compute_capability=line.get("compute_capability", ""),
        problem=line.get("problem", ""),
    )


def _signs(line: dict[str, Any]) -> Signs:
    return Signs(line.get("problem", ""), line.get("ecc_uncorrected", 0), line.get("remap_failed", False))


def _next_index(lines: Sequence[dict[str, Any]], mute: set[int]) -> int:
    """The GPU whose line should have come next."""
    known = {line["index"] for line in lines[1:]} | mute
    return min(set(range(lines[0]["count"])) - known, default=0)


def _all_with_problem(gpus: Sequence[Gpu], problem: str) -> tuple[Gpu, ...]:
    return tuple(replace(gpu, problem=problem) for gpu in gpus)


def _with_absent(found: Sequence[Gpu], previous: Sequence[Gpu], silent: str, mute: set[int]) -> tuple[Gpu, ...]:
    """What was found, and what was there before and is not now: that one is named, with its problem."""
    named = {gpu.uuid for gpu in found if gpu.uuid}
    absent = [gpu for gpu in previous if gpu.uuid not in named]
    result = []
    for gpu in found:
        if gpu.uuid:
            result.append(_filled(gpu, previous))
        else:
            # Lost so badly that it does not even tell its name: it is one of those that are absent.
            known = absent.pop(0) if absent else Gpu(uuid="unknown", name="unknown GPU", memory_bytes=0)
            result.append(replace(known, problem=gpu.problem))
    if not previous and mute:
        result += [
            Gpu(uuid=f"unknown-{index}", name="unknown GPU", memory_bytes=0, problem=silent) for index in sorted(mute)
        ]
    return (*result, *(replace(gpu, problem=silent) for gpu in absent))


def _filled(gpu: Gpu, previous: Sequence[Gpu]) -> Gpu:
    """A GPU in trouble that still tells its name keeps the size that it had."""
    before = next((known for known in previous if known.uuid == gpu.uuid), None)
    if not gpu.problem or before is None:
        return gpu
    return replace(before, problem=gpu.problem, utilization_percent=0)
