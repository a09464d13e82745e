"""GPUs for a container: by which way it gets them, and whether it has."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog

from agent.drivers.docker.connection import Connection
from agent.drivers.docker.execute import execute_in
from agent.drivers.docker.facts import EngineFacts
from agent.drivers.driver import StartRefused

log = structlog.get_logger()

_CHECK_SECONDS = 30.0
_CDI_SINCE = {"docker": (25, 0), "podman": (5, 4)}
_KIND = "nvidia.com/gpu"
_MAKE_SPEC = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
_UUID = re.compile(r"UUID: ((?:GPU|MIG)-[^)\s]+)")


def describes_nvidia(folder: str) -> bool:
    """Whether there is a CDI specification for NVIDIA's devices."""
    return any(Path(folder).glob("*nvidia*"))


def device_requests(
    uuids: Sequence[str], facts: EngineFacts, has_spec: Callable[[str], bool] = describes_nvidia
) -> list[dict[str, Any]]:
    """The part of a create call. Raises StartRefused where this engine would start it without its GPUs."""
    if not uuids:
        return []
    knows_cdi = facts.release >= _CDI_SINCE[facts.name]
    if knows_cdi and any(has_spec(folder) for folder in facts.cdi_folders):
        return [{"Driver": "cdi", "DeviceIDs": [f"{_KIND}={uuid}" for uuid in uuids]}]
    if facts.name == "podman":
        fix = f"make a CDI specification: {_MAKE_SPEC}" if knows_cdi else "update to Podman 5.4, which knows CDI"
        raise StartRefused(f"{facts} cannot give a container GPUs here: {fix}")
    if "nvidia" in facts.runtimes:
        return [{"Driver": "nvidia", "DeviceIDs": list(uuids), "Capabilities": [["gpu", "compute", "utility"]]}]
    fix = (
        f"make a CDI specification ({_MAKE_SPEC}) and, below Docker 28, set features.cdi in the engine's daemon.json"
        if knows_cdi
        else "install the NVIDIA container toolkit and its runtime (nvidia-ctk runtime configure)"
    )
    raise StartRefused(f"{facts} cannot give a container GPUs here: {fix}; homeport-agent doctor says more")


def gpu_obstacle(facts: EngineFacts, has_spec: Callable[[str], bool] = describes_nvidia) -> str:
    """Why this engine would give no container a GPU; empty = it would."""
    try:
        device_requests(["any"], facts, has_spec)
    except StartRefused as refused:
        return str(refused)
    return ""


def seen_uuids(listing: str) -> set[str]:
    """Of the output of `nvidia-smi -L`."""
    return set(_UUID.findall(listing))


async def check_gpus(connection: Connection, container: str, uuids: Sequence[str]) -> None:
    """Asks inside the container: an engine may start one without what was asked for. Raises StartRefused."""
    if not uuids:
        return
    try:
        told = await execute_in(connection, container, ("nvidia-smi", "-L"), _CHECK_SECONDS)
    except TimeoutError:
        raise StartRefused(f"{uuids[0]} does not answer inside the container; look at dmesg on the host") from None
    except StartRefused:
        await _check_device_files(connection, container, uuids)
        return
    if told.code != 0:
        raise StartRefused(f"the container cannot use its GPUs: {told.output.strip()}")
    check_seen(uuids, seen_uuids(told.output))


async def _check_device_files(connection: Connection, container: str, uuids: Sequence[str]) -> None:
    """Where NVIDIA's tool is missing: the engine brings it along with the GPUs, but a bare image cannot run it."""
    try:
        told = await execute_in(connection, container, ("ls", "/dev"), _CHECK_SECONDS)
    except (StartRefused, TimeoutError):
        log.warning("nobody can tell whether a container has its GPUs", container=container, gpus=uuids)
        return
    if not re.search(r"^nvidia\d+$", told.output, re.MULTILINE):
        check_seen(uuids, set())


def check_seen(asked: Iterable[str], seen: set[str]) -> None:
    """Raises StartRefused when the container lacks a GPU that it was given."""
    missing = sorted(set(asked) - seen)
    if missing:
        raise StartRefused(
            f"the container started without {', '.join(missing)} (it sees {', '.join(sorted(seen)) or 'no GPU'}); "
            f"the engine's GPU setup is out of date: {_MAKE_SPEC}, then homeport-agent doctor"
        )
