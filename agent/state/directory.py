"""The state directory: one agent's, and one agent at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from homeport.core.errors import ErrorCode, HomeportError


class StateDirectory:
    """Paths of what the agent keeps, and the lock on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.identity = root / "identity"
        self.database = root / "state.db"
        self.history = root / "history.db"
        self.site = root / "site.db"
        self.gateway_certificate = root / "local-gateway.json"
        self.replicas = root / "replicas"
        self.failures = root / "failures"
        self.containers = root / "containers"
        self.socket = root / "agent.sock"
        self._lock: int | None = None

    def lock(self) -> "StateDirectory":
        """Creates the directory where needed. Raises HomeportError when another agent uses it or it isn't writable."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeportError(
                ErrorCode.PERMISSION_DENIED,
                f"the state directory {self.root} cannot be used: {error.strerror}",
                hint="choose another with --state-dir, or mend its owner and mode",
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise HomeportError(
                ErrorCode.IN_USE,
                f"another agent (process {holder}) uses the state directory {self.root}",
                hint="stop it, or give this agent a --state-dir of its own",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor
        return self

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "StateDirectory":
        return self.lock()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.unlock()
