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
from controlplane.auth.guard import Guard
from controlplane.auth.places import TO_SEE
from controlplane.store.store import Store
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


def seen_items(guard: Guard, store: Store, kind: str, items: list[Item]) -> list[Item]:
    """Those that the caller may see: mostly all, which costs nothing."""
    if guard.principal.grants.holds_everywhere(TO_SEE[kind]):
        return items
    return [item for item in items if guard.sees(store, kind, item.id, item.object)]


def as_items(objects: Iterable[dict[str, Any]]) -> list[Item]:
    """Of objects that no topic holds."""
    return sorted((Item(each["id"], each) for each in objects), key=lambda item: item.id)
