"""How a failure is shown: one block, the same everywhere."""

import sys
from typing import TextIO

from homeport.core.errors import HomeportError


def print_error(error: HomeportError, stream: TextIO | None = None) -> None:
    out = stream or sys.stderr
    red, plain = ("\x1b[1;31m", "\x1b[0m") if out.isatty() else ("", "")
    out.write(f"{red}error: {error.code}{plain}\n")
    for name, value in (("message", error.message), ("path", error.path), ("hint", error.hint)):
        if value:
            out.write(f"  {name + ':':<9}{value}\n")
    if error.retry_after_seconds:
        out.write(f"  {'retry:':<9}in {error.retry_after_seconds:.0f} s\n")
