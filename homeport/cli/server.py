"""`homeport server`: the control plane, if it is installed here."""

import os
import shutil
import sys
from pathlib import Path

import typer

from homeport.core.errors import ErrorCode, HomeportError

# Every argument, --help included, is homeport-server's.
PASS_ALL = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def server(context: typer.Context) -> None:
    """Start the control plane, if installed here.

    All arguments go to the `homeport-server` program, --help too.

    \b
    Example:
      homeport server --data-dir /var/lib/homeport
    """
    program = _program()
    sys.stdout.flush()
    os.execv(program, [program, *context.args])


def _program() -> str:
    """The one installed with this command, else the one on PATH."""
    beside = Path(sys.executable).parent / "homeport-server"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("homeport-server")
    if found is None:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            "homeport-server is not installed here",
            hint="install the control plane's part: pip install 'homeport[controlplane]'",
        )
    return found
