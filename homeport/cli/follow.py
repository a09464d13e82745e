"""`--watch`: showing objects again whenever they change, until Ctrl-C.

The watch says when to look; what is shown is what the API lists, so filters, order and limits mean the same.
A terminal is redrawn; another program gets one line, document or object per change.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from homeport.cli.columns import COLUMNS
from homeport.cli.nouns import Noun
from homeport.cli.options import OutputFormat
from homeport.cli.output import aligned, cell_width, print_documents
from homeport.cli.show import document

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client

_GATHER_SECONDS = 0.5
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
# They change by themselves: no news.
_VOLATILE = {"AGE", "SINCE", "EXPIRES", "LAST USED"}

Load = Callable[[], "list[Resource]"]


def follow(
    client: "Client",
    noun: Noun,
    output: OutputFormat,
    load: Load,
    show: "Callable[[list[Resource]], None]",
) -> None:
    """`show` draws a whole screen."""
    if sys.stdout.isatty() and output is OutputFormat.TABLE:
        redraw(client, topics_of(noun), lambda: show(load()))
    else:
        _print_changes(client, noun, output, load)


def _print_changes(client: "Client", noun: Noun, output: OutputFormat, load: Load) -> None:
    seen: dict[str, Resource] = {}
    rows = Rows(noun)
    for _ in moments(client, topics_of(noun)):
        found = {resource.id: resource for resource in load()}
        for gone in [id for id in seen if id not in found]:
            _print_gone(noun, gone, output)
        if output is OutputFormat.TABLE:
            rows.print(found.values())
        else:
            for resource in [resource for id, resource in found.items() if seen.get(id) != resource]:
                _print_change(noun, resource, output)
        sys.stdout.flush()
        seen = found


def redraw(client: "Client", topics: Sequence[str], draw: Callable[[], None]) -> None:
    """Without a terminal one screen comes after the other."""
    for _ in moments(client, topics):
        if sys.stdout.isatty():
            sys.stdout.write(_CLEAR)
        draw()
        sys.stdout.flush()


def moments(client: "Client", topics: Sequence[str]) -> Iterator[None]:
    """Now, and each time something of the topics has changed."""
    yield
    for _ in client.watch(*topics, gather_seconds=_GATHER_SECONDS):
        yield


def topics_of(noun: Noun) -> list[str]:
    from homeport.client.paths import TOPIC_OF

    return [TOPIC_OF[noun.kind], *(["replicas"] if noun.kind == "deployment" else [])]


class Rows:
    """Table rows of objects that look otherwise than before, in columns as wide as what was seen."""

    def __init__(self, noun: Noun) -> None:
        self._columns = COLUMNS[noun.kind]
        self._widths: list[int] = []
        self._seen: dict[str, list[str]] = {}

    def print(self, resources: "Iterable[Resource]") -> None:
        rows = [cells for resource in resources if (cells := self._news(resource))]
        if rows and not self._widths:
            rows.insert(0, [header for header, _ in self._columns])
            self._widths = [0] * len(self._columns)
        for column, texts in enumerate(zip(*rows, strict=True)):
            self._widths[column] = max(self._widths[column], *map(cell_width, texts))
        for cells in rows:
            print(aligned(cells, self._widths, [""] * len(cells)))

    def _news(self, resource: "Resource") -> list[str]:
        """Its row; [] when that looks as before."""
        cells = [value(resource) for _, value in self._columns]
        lasting = [cell for cell, (header, _) in zip(cells, self._columns, strict=True) if header not in _VOLATILE]
        if self._seen.get(resource.id) == lasting:
            return []
        self._seen[resource.id] = lasting
        return cells


def _print_gone(noun: Noun, id: str, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        print(json.dumps({"op": "delete", "kind": noun.kind, "id": id, "object": None}))
    else:
        print(f"# {noun.word} {id} is gone" if output is OutputFormat.YAML else f"{id}  (gone)")


def _print_change(noun: Noun, resource: "Resource", output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        print(json.dumps({"op": "put", "kind": noun.kind, "id": resource.id, "object": resource.to_plain()}))
    else:
        print("---")
        print_documents([document(noun, resource)])
