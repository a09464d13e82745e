"""Lists, page by page: sorted, filtered, and stable while others write.

A cursor says after which object the next page begins, by what the list is sorted by and the object's id. So an object
that does not change is in exactly one page, whatever comes and goes around it.
"""

import asyncio
import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from controlplane.views.topic import Item
from homeport.core.errors import ErrorCode, HomeportError

# Nothing comes before text and numbers; two values of one field are always of one type.
SortKey = tuple[int, Any]
Getter = Callable[[Mapping[str, Any]], Any]
Matches = Callable[[Mapping[str, Any]], bool]
# Ids differ, so items are never compared.
_Sorted = tuple[int, Any, str, Item]
# How many objects are looked at, and how many are written as JSON, before others get the event loop.
_PER_TURN = 500
_TEXTS_PER_TURN = 100


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
    last = (*after.key, after.id) if after is not None else None
    found: list[_Sorted] = []
    for turn in _turns(items):
        wanted = [(*sort_key(getter(item.object)), item.id, item) for item in turn if matches(item.object)]
        if last is not None:
            wanted = [each for each in wanted if (each[:3] < last if backwards else each[:3] > last)]
        found = sorted([*found, *wanted], reverse=backwards)[: limit + 1]
        await asyncio.sleep(0)
    return _page(found, limit)


async def take_page_by_id(items: Sequence[Item], matches: Matches, after: Position | None, limit: int) -> Page:
    """The same for `items` that are sorted by id: it looks no further than the page."""
    first = bisect_right(items, after.id, key=_id) if after is not None else 0
    found: list[_Sorted] = []
    for turn in _turns(items[first:]):
        more = islice((item for item in turn if matches(item.object)), limit + 1 - len(found))
        found += [(*sort_key(item.id), item.id, item) for item in more]
        if len(found) > limit:
            break
        await asyncio.sleep(0)
    return _page(found, limit)


def _page(found: list[_Sorted], limit: int) -> Page:
    items = [each[3] for each in found[:limit]]
    if len(found) <= limit:
        return Page(items, None)
    rank, value, id, _ = found[limit - 1]
    return Page(items, Position((rank, value), id))


def _turns(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + _PER_TURN] for first in range(0, len(items), _PER_TURN))


def _id(item: Item) -> str:
    return item.id


async def page_body(items: Sequence[Item], seq: int, next_cursor: str | None) -> bytes:
    """A page as JSON, from the texts that the objects have already."""
    texts: list[str] = []
    for first in range(0, len(items), _TEXTS_PER_TURN):
        texts += [item.text() for item in items[first : first + _TEXTS_PER_TURN]]
        await asyncio.sleep(0)
    return f'{{"items": [{", ".join(texts)}], "seq": {seq}, "next_cursor": {json.dumps(next_cursor)}}}'.encode()
