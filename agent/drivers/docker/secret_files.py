"""Secrets in a container, without a trace in what `docker inspect` shows: files in memory are mounted, and variables
are set inside by a shell that reads such a file and becomes the image's own program. docs/adr/0014 weighs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from agent.drivers.driver import StartRefused
from agent.secrets.memory_folder import MemoryFolder
from agent.secrets.replica_secrets import ReplicaSecrets

# Of the variables, on the host below the replica's folder and in its container.
_FILE, _TARGET = "environment", "/run/homeport/environment"
_READ_AND_BECOME = 'set -a && . "$0" && set +a && exec "$@"'


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """`mounts` as the engine wants them; `env` tells paths, no values. `entry` goes before the program's own words."""

    mounts: tuple[Mapping[str, Any], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    entry: tuple[str, ...] = ()


NO_FILES = SecretFiles()


def write_secrets(memory: MemoryFolder, replica_id: str, secrets: ReplicaSecrets) -> SecretFiles:
    """Raises StartRefused."""
    if not secrets.env and not secrets.folders:
        return NO_FILES
    files = {f"{number}/{key}": text for number, each in enumerate(secrets.folders) for key, text in each.files.items()}
    if secrets.env:
        files[_FILE] = "".join(f"{name}={quote(value)}\n" for name, value in secrets.env.items())
    folder = memory.write(replica_id, files)
    mounts = [_mount(folder / str(number), each.target) for number, each in enumerate(secrets.folders)]
    if secrets.env:
        mounts.append(_mount(folder / _FILE, _TARGET))
    told = {name: path for each in secrets.folders for name, path in each.told(each.target).items()}
    entry = ("/bin/sh", "-c", _READ_AND_BECOME, _TARGET) if secrets.env else ()
    return SecretFiles(tuple(mounts), told, entry)


def program_of(image: Mapping[str, Any], entrypoint: Sequence[str], command: Sequence[str]) -> list[str]:
    """The words with which the engine would start it: an entrypoint of one's own does without the image's command.
    Raises StartRefused."""
    config = image.get("Config") or {}
    if entrypoint:
        return [*entrypoint, *command]
    words = [*(config.get("Entrypoint") or ()), *(command or config.get("Cmd") or ())]
    if not words:
        raise StartRefused("neither the image nor the workload says what to run: give a command")
    return words


def _mount(source: Path, target: str) -> Mapping[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": True}
