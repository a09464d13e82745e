"""Reading a long list page by page."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from homeport.client.transport import Transport

PAGE = 1000


async def each_item(
    transport: Transport, path: str, params: Mapping[str, str], limit: int | None = None
) -> AsyncIterator[dict[str, Any]]:
    """At most `limit` items, in the server's order; None = all."""
    cursor, left = "", limit
    while left is None or left > 0:
        page = {"limit": str(PAGE if left is None else min(PAGE, left))}
        if cursor:
            page["cursor"] = cursor
        answer = await transport.call("GET", path, params={**params, **page})
        for item in answer["items"]:
            yield item
        left = None if left is None else left - len(answer["items"])
        cursor = answer.get("next_cursor") or ""
        if not cursor:
            return


def listing_params(sort: str, labels: Mapping[str, str] | None, filters: Mapping[str, str]) -> dict[str, str]:
    label = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
    return {key: value for key, value in {**filters, "sort": sort, "label": label}.items() if value}
