"""How a container ended, from the engine's account of its state."""

import signal
from collections.abc import Mapping
from typing import Any

from agent.drivers.driver import Exit
from homeport.core.quantity import format_bytes

KILLED = 128 + signal.SIGKILL


def exit_of(state: Mapping[str, Any], memory_bytes: int, last_line: str) -> Exit:
    """`state` as in an inspection; `memory_bytes` is the limit, 0 = none."""
    code = int(state.get("ExitCode", 0))
    reason = _reason(code, bool(state.get("OOMKilled")), memory_bytes)
    if state.get("Error"):
        reason += f": {state['Error']}"
    elif last_line:
        reason += f": {last_line}"
    # A shell's way to write a signal, which the init process in the container follows.
    return Exit(128 - code if 128 < code <= 128 + signal.NSIG else code, reason)


def _reason(code: int, out_of_memory: bool, memory_bytes: int) -> str:
    limit = f"the limit is {format_bytes(memory_bytes)}B" if memory_bytes else "the host has no more"
    if out_of_memory and code == KILLED:
        return f"out of memory: {limit}"
    if out_of_memory:
        return f"exit code {code} after a process of it ran out of memory: {limit}"
    if code == KILLED and memory_bytes:
        return f"killed by SIGKILL, perhaps out of memory: {limit}"
    try:
        return f"killed by {signal.Signals(code - 128).name}"
    except ValueError:
        return f"exit code {code}"
