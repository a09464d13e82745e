"""The text in a stream of OpenAI chat events."""

import json
from collections.abc import AsyncIterable, AsyncIterator

from homeport.client.api_error import error_from_body
from homeport.core.errors import ErrorCode, HomeportError


async def text_of_events(lines: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Raises UPSTREAM_FAILED when the stream ends before the model said that it is done."""
    async for line in lines:
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
