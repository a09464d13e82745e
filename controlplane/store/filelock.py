"""One server per data directory."""

import contextlib
import fcntl
import os
from pathlib import Path

from homeport.core.errors import ErrorCode, HomeportError


class FileLock:
    """Held until `release` or the end of the process, however it ends. The file names the holder's process id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises HomeportError(CONFLICT) when another process holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
            os.close(fd)
            raise HomeportError(
                ErrorCode.CONFLICT,
                f"the data in {self._path.parent} is in use by another homeport-server"
                + (f" (process {holder})" if holder else ""),
                hint="stop that server, or choose another directory with --data-dir",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
