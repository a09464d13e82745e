"""Printing: tables, JSON, YAML, all through here."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from homeport.cli.options import OutputFormat
from homeport.cli.paint import BAD, BOLD, GOOD, WARN, paint

_GOOD = {"ready", "created", "running"}
_BAD = {"failed", "lost", "disconnected", "fenced"}
_WARN = {"degraded", "suspect", "starting", "pending", "initializing", "draining", "unknown", "configured"}
_GAP = "  "


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0, empty: str = "none") -> None:
    """A row is a line; where a terminal is too narrow for that, cells are folded."""
    if not rows:
        print(" " * indent + empty)
        return
    widths = [max(map(cell_width, column)) for column in zip(headers, *rows, strict=True)]
    if (
        sys.stdout.isatty()
        and indent + sum(widths) + len(_GAP) * (len(widths) - 1) > shutil.get_terminal_size().columns
    ):
        _print_folded(headers, rows, indent)
        return
    print(" " * indent + aligned(headers, widths, [BOLD] * len(headers)))
    for row in rows:
        print(" " * indent + aligned(row, widths, map(_colour, row)))


def aligned(cells: Sequence[str], widths: Sequence[int], colours: Iterable[str]) -> str:
    parts = [
        paint(cell, colour) + " " * (width - cell_width(cell))
        for cell, width, colour in zip(cells, widths, colours, strict=True)
    ]
    return _GAP.join(parts).rstrip()


def cell_width(text: str) -> int:
    """How many columns of a terminal it takes: some letters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _print_folded(headers: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text.from_ansi(paint(cell, _colour(cell))) for cell in row))
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
    print("---\n".join(map(yaml_of, values)), end="")


def yaml_of(value: Any) -> str:
    import yaml

    return str(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True))


def _colour(cell: str) -> str:
    word = cell.split(" ", 1)[0].rstrip(",")
    if word in _GOOD:
        return GOOD
    if word in _BAD:
        return BAD
    return WARN if word in _WARN else ""
