"""Small file systems that a test may fill, starve of inodes, or break. Needs root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_MIB = 1 << 20


def need_mounts() -> None:
    """Skips where this user may not mount; in CI that is a failure."""
    if os.geteuid() == 0:
        return
    if os.environ.get("HOMEPORT_TEST_ALL"):
        pytest.fail("mounting needs root")
    pytest.skip("mounting needs root")


class Volume:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Until not a byte is left."""
        with open(self._ballast, "ab", buffering=0) as file:
            for size in (_MIB, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def use_up_inodes(self) -> None:
        self._ballast.mkdir()
        with contextlib.suppress(OSError):
            for number in range(1_000_000):
                (self._ballast / str(number)).touch()

    def free(self) -> None:
        if self._ballast.is_dir():
            for path in self._ballast.iterdir():
                path.unlink()
            self._ballast.rmdir()
        else:
            self._ballast.unlink()


@contextlib.contextmanager
def memory_volume(path: Path, mebibytes: int = 4, inodes: int = 200) -> Iterator[Volume]:
    path.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,nr_inodes={inodes},mode=0700", "homeport-test", str(path))
    with _mounted(path):
        yield Volume(path)


class BreakableVolume(Volume):
    """An ext4 that can be made read-only under open files, as the kernel does after an error of the disk."""

    def break_down(self) -> None:
        device = _run("findmnt", "-n", "-o", "SOURCE", str(self.path)).strip()
        Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("1")


@contextlib.contextmanager
def breakable_volume(path: Path) -> Iterator[BreakableVolume]:
    image = path.with_suffix(".img")
    with open(image, "wb") as file:
        file.truncate(32 * _MIB)
    _run("mkfs.ext4", "-q", str(image))
    path.mkdir()
    _run("mount", "-o", "loop,errors=remount-ro", str(image), str(path))
    with _mounted(path):
        yield BreakableVolume(path)


@contextlib.contextmanager
def _mounted(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
