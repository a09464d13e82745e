"""Stops a process's main thread alone, so that its event loop hangs while its other threads go on. Needs root."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WAIT_FOR_ANY_THREAD = 0x40000000
_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


@contextlib.contextmanager
def hung(pid: int) -> Iterator[None]:
    """As after `time.sleep` in a coroutine: gRPC's own threads still answer pings."""
    _trace(_SEIZE, pid)
    try:
        _trace(_INTERRUPT, pid)
        os.waitpid(pid, _WAIT_FOR_ANY_THREAD)
        yield
    finally:
        _trace(_DETACH, pid)


def _trace(request: int, pid: int) -> None:
    if _ptrace(request, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of {pid} failed")
