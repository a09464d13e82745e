"""Lists, page by page: sorted, filtered, and stable while others write.

A cursor says after which object the next page begins, by what the list is sorted by and the object's id. So an object
that does not change is in exactly one page, whatever comes and goes around it.
"""

import asyncio
import base64
import hashlib
import heapq
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from controlplane.views.topic import Item
from homeport.core.errors import ErrorCode, HomeportError

# Nothing comes before text and numbers; two values of one field are always of one type.
SortKey = tuple[int, Any]
Getter = Callable[[Mapping[str, Any]], Any]
Matches = Callable[[Mapping[str, Any]], bool]
# How many objects are looked at before others get the event loop.
_PER_TURN = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: where the next page begins; None = this is the last one."""

    items: list[Item]
    after: "Position | None"


@dataclass(frozen=True, slots=True)
class Position:
    """Of the last object of a page."""

    key: SortKey
    id: str


def encode_cursor(position: Position, question: Mapping[str, Any]) -> str:
    """`question` is what the list was asked for: sort and filters."""
    plain = json.dumps([_digest(question), *position.key, position.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, question: Mapping[str, Any]) -> Position:
    """Raises INVALID_ARGUMENT for one that is none, or is of a list that was asked for otherwise."""
    try:
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        digest, rank, value, id = plain
        well_formed = isinstance(id, str) and value is not None and [rank, type(value)] in _FORMS
    except (ValueError, TypeError, RecursionError):
        well_formed = False
    if not well_formed:
        raise _bad_cursor("is not a cursor")
    if digest != _digest(question):
        raise _bad_cursor("is of a list with another sort or other filters")
    return Position((rank, value), id)


_FORMS = ([0, int], [1, int], [1, float], [2, str])


def _bad_cursor(message: str) -> HomeportError:
    hint = "take next_cursor of the page before, and leave sort and filters as they were; without one: the first page"
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, hint=hint, path="cursor")


def _digest(question: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def sort_key(value: Any) -> SortKey:
    if value is None:
        return (0, 0)
    return (2, value) if isinstance(value, str) else (1, value)


async def take_page(
    items: Sequence[Item], getter: Getter, backwards: bool, matches: Matches, after: Position | None, limit: int
) -> Page:
    """`items` in any order. The list must not change meanwhile."""
    found: list[tuple[SortKey, str, Item]] = []
    for turn in _turns(items):
        wanted = ((sort_key(getter(item.object)), item.id, item) for item in turn if matches(item.object))
        if after is not None:
            last = (after.key, after.id)
            wanted = (each for each in wanted if (each[:2] < last if backwards else each[:2] > last))
        best = heapq.nlargest if backwards else heapq.nsmallest
        found = best(limit + 1, [*found, *wanted], key=_order)
        await asyncio.sleep(0)
    return _page(found, limit)


async def take_page_by_id(items: Sequence[Item], matches: Matches, after: Position | None, limit: int) -> Page:
    """The same for `items` that are sorted by id: it looks no further than the page."""
    first = bisect_right(items, after.id, key=_id) if after is not None else 0
    found: list[tuple[SortKey, str, Item]] = []
    for turn in _turns(items[first:]):
        more = islice((item for item in turn if matches(item.object)), limit + 1 - len(found))
        found += [(sort_key(item.id), item.id, item) for item in more]
        if len(found) > limit:
            break
        await asyncio.sleep(0)
    return _page(found, limit)


def _page(found: list[tuple[SortKey, str, Item]], limit: int) -> Page:
    items = [item for _, _, item in found[:limit]]
    return Page(items, Position(*found[limit - 1][:2]) if len(found) > limit else None)


def _turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + _PER_TURN] for first in range(0, len(items), _PER_TURN))


def _order(found: tuple[SortKey, str, Item]) -> tuple[SortKey, str]:
    return found[:2]


def _id(item: Item) -> str:
    return item.id


def page_body(items: Iterable[Item], seq: int, next_cursor: str | None) -> bytes:
    """A page as JSON, from the texts that the objects have already."""
    texts = ", ".join(item.text() for item in items)
    return f'{{"items": [{texts}], "seq": {seq}, "next_cursor": {json.dumps(next_cursor)}}}'.encode()
