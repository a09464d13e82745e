"""Printing: tables, JSON, YAML, all through here."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from homeport.cli.options import OutputFormat

_GOOD = {"ready", "created", "running"}
_BAD = {"failed", "lost", "disconnected", "fenced"}
_WARN = {"degraded", "suspect", "starting", "pending", "initializing", "draining", "unknown", "configured"}


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0, empty: str = "none") -> None:
    if not rows:
        print(" " * indent + empty)
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    # Piped output is for other programs: never cut or wrapped.
    console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 10_000)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    with console.capture() as capture:
        console.print(Padding(table, (0, 0, 0, indent)))
    for line in capture.get().splitlines():
        print(line.rstrip())


def print_plain(value: Any, output: OutputFormat) -> None:
    """A JSON-like value as JSON or YAML."""
    if output is OutputFormat.JSON:
        print(json.dumps(value, indent=2))
    else:
        print_documents([value])


def print_documents(values: Sequence[Any]) -> None:
    import yaml

    print("---\n".join(yaml.safe_dump(value, sort_keys=False, allow_unicode=True) for value in values), end="")


def _style(cell: str) -> str:
    word = cell.split(" ", 1)[0]
    if word in _GOOD:
        return "green"
    if word in _BAD:
        return "bold red"
    return "yellow" if word in _WARN else ""
