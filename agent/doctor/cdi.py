"""The way by which containers get GPUs."""

from collections.abc import Sequence
from pathlib import Path

from agent.doctor.engine import ask_engine
from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.drivers.docker.facts import EngineFacts
from agent.fingerprint.gpu_nvidia import library_is_present

_CHECK = "cdi"
_FOLDERS = (Path("/etc/cdi"), Path("/var/run/cdi"))
_SINCE = {"docker": (25, 0), "podman": (5, 4)}
_MAKE_SPEC = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml (of the NVIDIA container toolkit)"


def check_cdi(host: Host) -> list[Finding]:
    """Nothing on a host without a GPU."""
    if not library_is_present():
        return []
    specs = [str(path) for folder in _FOLDERS for path in sorted(folder.glob("nvidia*"))]
    return [judge_cdi(ask_engine(host), specs)]


def judge_cdi(engine: EngineFacts | None, specs: Sequence[str]) -> Finding:
    """`specs` are files that describe NVIDIA's devices by the Container Device Interface."""
    if engine is None:
        return warn(_CHECK, "no container engine answers, so no container can get a GPU", "see the engine's finding")
    knows_cdi = engine.release >= _SINCE[engine.name]
    if specs and knows_cdi:
        return ok(_CHECK, f"{', '.join(specs)} for {engine.name} {engine.version}")
    if "nvidia" in engine.runtimes:
        return warn(
            _CHECK,
            "containers get GPUs by the nvidia runtime, and may lose them when systemd reloads its units",
            f"{_MAKE_SPEC}, and docker 25 or newer",
        )
    if not knows_cdi:
        return fail(_CHECK, f"{engine.name} {engine.version} does not know CDI", "update it: docker 25, podman 5.4")
    return fail(_CHECK, "containers cannot get GPUs: no CDI specification and no nvidia runtime", _MAKE_SPEC)
