"""Unix sockets for their owner alone, at paths of any length."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_LONGEST_PATH = 100


def listen_privately(path: Path) -> socket.socket:
    """The caller is sure that a socket found there is a dead program's: it is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with short_name(path) as name:
        before = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(before)
    return listener


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for the path that fits into a socket address, which takes 107 bytes."""
    if len(os.fsencode(path)) < _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
