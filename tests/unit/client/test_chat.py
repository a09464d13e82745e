from collections.abc import AsyncIterator

import pytest

from homeport.client.chat import text_of_events
from homeport.core.errors import ErrorCode, HomeportError


async def _lines(*lines: bytes) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


async def _text(*lines: bytes) -> list[str]:
    return [text async for text in text_of_events(_lines(*lines))]


async def test_only_the_text_of_the_events() -> None:
    assert await _text(
        b": ping\n",
        b'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n',
        b"\n",
        b'data: {"choices": [{"delta": {"content": "Pa"}}]}\n',
        b'data:{"choices": [{"delta": {"content": "ris"}}]}\r\n',
        b'data: {"choices": [], "usage": {}}\n',
        b"data: [DONE]\n",
        b"data: not read any more\n",
    ) == ["Pa", "ris"]


async def test_a_stream_that_breaks_off_is_an_error() -> None:
    with pytest.raises(HomeportError, match="broke off") as caught:
        await _text(b'data: {"choices": [{"delta": {"content": "Pa"}}]}\n')
    assert caught.value.code is ErrorCode.UPSTREAM_FAILED


async def test_an_error_inside_the_stream_is_raised() -> None:
    with pytest.raises(HomeportError, match="context is full"):
        await _text(b'data: {"error": {"message": "context is full"}}\n')
