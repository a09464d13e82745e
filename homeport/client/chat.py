"""The text in a stream of OpenAI chat events."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable

from homeport.client.api_error import error_from_body
from homeport.core.errors import ErrorCode, HomeportError

# Asks the gateway to say how the waiting goes, in comments.
PROGRESS = {"X-Homeport-Progress": "true"}


async def text_of_events(
    lines: AsyncIterable[bytes], on_waiting: Callable[[str], None] | None = None
) -> AsyncIterator[str]:
    """`on_waiting` gets what comments say. Raises UPSTREAM_FAILED when the stream ends before the model said that it is
    done."""
    async for line in lines:
        if line.startswith(b":") and on_waiting is not None:
            on_waiting(line.removeprefix(b":").strip().decode("utf-8", "replace"))
        if not line.startswith(b"data:"):
            continue
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return
        event = json.loads(data)
        if "error" in event:
            raise error_from_body(502, data)
        for choice in event.get("choices", []):
            text = choice.get("delta", {}).get("content")
            if text:
                yield text
    raise HomeportError(
        ErrorCode.UPSTREAM_FAILED,
        "the answer broke off before its end",
        hint="`homeport logs DEPLOYMENT` shows what the model's server said",
    )
