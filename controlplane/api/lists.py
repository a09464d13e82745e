"""The answers to lists."""

from collections.abc import Iterable
from typing import Any

from controlplane.api.list_query import ListQuery
from controlplane.api.paging import (
    decode_cursor,
    encode_cursor,
    page_body,
    take_page,
    take_page_by_id,
)
from controlplane.views.topic import Item


async def list_answer(items: list[Item], query: ListQuery, seq: int) -> bytes:
    """One page of `items`, which are sorted by id. `seq` is the state that they show."""
    question = query.question()
    after = decode_cursor(query.cursor, question) if query.cursor else None
    name, backwards = query.sort.removeprefix("-"), query.sort.startswith("-")
    if query.sort == "id":
        page = await take_page_by_id(items, query.matches(), after, query.limit)
    else:
        page = await take_page(items, query.sorts[name], backwards, query.matches(), after, query.limit)
    return await page_body(page.items, seq, encode_cursor(page.after, question) if page.after else None)


def as_items(objects: Iterable[dict[str, Any]]) -> list[Item]:
    """Of objects that no topic holds."""
    return sorted((Item(each["id"], each) for each in objects), key=lambda item: item.id)
