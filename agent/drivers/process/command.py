"""From a request to what the kernel can run."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from agent.drivers.driver import StartRefused


def absolute(path: str | Path) -> str:
    """A relative working directory counts from where the agent was started."""
    return os.path.abspath(path)


def resolve_command(command: tuple[str, ...], working_directory: str, environment: Mapping[str, str]) -> list[str]:
    """The command with its program's full path. Raises StartRefused."""
    if not command:
        raise StartRefused("the workload has no command")
    if not Path(working_directory).is_dir():
        raise StartRefused(f"the working directory {working_directory} does not exist on this host")
    program = command[0]
    if "/" in program:
        candidate = os.path.join(working_directory, program)
        found = candidate if os.access(candidate, os.X_OK) and not os.path.isdir(candidate) else None
    else:
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
    if found is None:
        raise StartRefused(f"command {program!r} is not on this host; install it or give its full path")
    return [found, *command[1:]]
