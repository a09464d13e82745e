"""Colours, where somebody looks: not in a pipe, not with NO_COLOR."""

import os
import sys
from typing import TextIO

GOOD, BAD, WARN, QUIET = "32", "31", "33", "2"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    if not (stream or sys.stdout).isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
