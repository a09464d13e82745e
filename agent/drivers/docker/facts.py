"""What an engine is and can do, from its own answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAST_API = (1, 41)


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """`name` is docker or podman. `cdi_folders` are where it looks for descriptions of devices; empty = it does not."""

    name: str
    version: str
    api: str
    runtimes: tuple[str, ...] = ()
    cdi_folders: tuple[str, ...] = ()
    default_registry: str = ""

    def __str__(self) -> str:
        return f"{self.name.capitalize()} {self.version}"

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor."""
        return _two_numbers(self.version)

    @property
    def problem(self) -> str:
        """Why it cannot be used; empty when it can."""
        if _two_numbers(self.api) >= LEAST_API:
            return ""
        return f"{self} speaks API {self.api}, and 1.41 is the least: update to Docker 20.10 or Podman 4"


def engine_facts(version: Mapping[str, Any], info: Mapping[str, Any]) -> EngineFacts:
    """From the answers to /version and /info. Podman calls itself Docker, but for its components."""
    is_podman = any(part.get("Name") == "Podman Engine" for part in version.get("Components") or [])
    return EngineFacts(
        name="podman" if is_podman else "docker",
        version=version["Version"],
        api=version["ApiVersion"],
        runtimes=tuple(info.get("Runtimes") or ()),
        cdi_folders=_PODMAN_CDI_FOLDERS if is_podman else tuple(info.get("CDISpecDirs") or ()),
        default_registry=info.get("IndexServerAddress") or "",
    )


# Podman does not tell where it looks.
_PODMAN_CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")


def _two_numbers(version: str) -> tuple[int, int]:
    parts = [int(digits) if digits.isdigit() else 0 for digits in version.split(".")[:2]]
    return (parts[0], parts[1]) if len(parts) == 2 else (parts[0], 0)
