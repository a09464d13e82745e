"""Files of secrets, in memory: they are on no disk, and gone with the host's power."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.drivers.driver import StartRefused

_IN_MEMORY = ("tmpfs", "ramfs")


class MemoryFolder:
    """One folder per replica. Nobody but the agent's user (and root) gets in from the host; a container sees what is
    mounted, whoever its user is."""

    def __init__(self, whose: str, places: tuple[Path, ...] | None = None) -> None:
        """`whose` tells it from those of other agents and drivers of this host."""
        self._name = f"homeport-{hashlib.sha256(whose.encode()).hexdigest()[:16]}"
        self._places = places

    def write(self, replica_id: str, files: Mapping[str, str]) -> Path:
        """`files`: path below the folder that is returned -> content. What is there is replaced file by file, since a
        container may have the folder mounted. Raises StartRefused."""
        folder = self._root() / replica_id
        try:
            for name, content in files.items():
                _write(folder / name, content)
        except OSError as error:
            raise StartRefused(f"its secrets cannot be written to memory ({folder}): {error.strerror}") from None
        return folder

    def remove(self, replica_id: str) -> None:
        for place in self._candidates():
            shutil.rmtree(place / self._name / replica_id, ignore_errors=True)
            with contextlib.suppress(OSError):  # others are in it, or it never was
                (place / self._name).rmdir()

    def _root(self) -> Path:
        for place in self._candidates():
            root = place / self._name
            try:
                root.mkdir(mode=0o700, exist_ok=True)
                found = root.lstat()
            except OSError:
                continue
            # In a place that others can write to, it may be theirs.
            if root.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                continue
            return root
        raise StartRefused(
            "this host has no folder in memory for the files of its secrets: neither /run nor /dev/shm is a tmpfs that "
            "the agent can write to"
        )

    def _candidates(self) -> Iterator[Path]:
        places = _places() if self._places is None else self._places
        return (place for place in places if is_in_memory(place))


def is_in_memory(path: Path) -> bool:
    try:
        device = os.stat(path).st_dev
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        if left.split()[2] == wanted:
            return right.split()[0] in _IN_MEMORY
    return False


def _places() -> tuple[Path, ...]:
    """systemd's for the agent's unit first: it stays while the unit restarts."""
    of_unit = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    of_user = os.environ.get("XDG_RUNTIME_DIR", "")
    return tuple(Path(each) for each in (of_unit, "/run", of_user, "/dev/shm") if each)


def _write(path: Path, content: str) -> None:
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    # The umask may be stricter than a container's user can live with; the root of all this is closed to others.
    folder.chmod(0o755)
    temporary = folder / f".{path.name}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    temporary.chmod(0o444)
    temporary.replace(path)
