"""What is checked before anything is started."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeport.cli.dev.settings import Ports
from homeport.core.errors import ErrorCode, HomeportError


def check_ports(ports: Ports) -> None:
    """Raises IN_USE for the first port that cannot be had."""
    seen: dict[int, str] = {}
    for name, port in ports.named():
        if port in seen:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"--{name}-port and --{seen[port]}-port are both {port}",
                hint="give each a port of its own",
            )
        seen[port] = name
        problem = _problem(port)
        if problem:
            raise HomeportError(
                ErrorCode.IN_USE,
                f"port {port} {problem}",
                hint=f"choose another with --{name}-port, or stop that program",
            )


def _problem(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
    return ""


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds the data directory for this process. Raises IN_USE while another `homeport dev` has it."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / "dev.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HomeportError(
            ErrorCode.PERMISSION_DENIED,
            f"cannot use {data_dir}: {error.strerror}",
            hint="choose another with --data-dir",
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode().strip()
            raise HomeportError(
                ErrorCode.IN_USE,
                f"another `homeport dev` (process {holder}) uses {data_dir}",
                hint="stop it, or give this one a --data-dir and ports of its own",
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)
