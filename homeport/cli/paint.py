"""Colours, where somebody looks: not in a pipe, not with NO_COLOR."""

import os
import sys
from typing import TextIO

GOOD, BAD, WARN, QUIET, BOLD = "32", "31", "33", "2", "1"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`colour` may be empty."""
    if not colour or not (stream or sys.stdout).isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
