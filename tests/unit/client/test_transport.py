import socket

import aiohttp
import pytest

from homeport.client.contexts import Context
from homeport.client.transport import ATTEMPTS, Transport, may_retry
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.api import TOKEN, ScriptedApi

_REFUSED = aiohttp.ClientConnectorError(None, OSError(111, "refused"))  # type: ignore[arg-type]
_BUSY = {"error": {"code": "unavailable", "message": "busy"}}


@pytest.mark.parametrize(
    ("repeatable", "error", "retried"),
    [
        (True, _REFUSED, True),
        (False, _REFUSED, True),
        (True, aiohttp.ServerDisconnectedError(), True),
        (False, aiohttp.ServerDisconnectedError(), False),
        (True, TimeoutError(), True),
        (False, TimeoutError(), False),
        (True, HomeportError(ErrorCode.UNAVAILABLE, ""), True),
        (True, HomeportError(ErrorCode.NOT_FOUND, ""), False),
        (True, HomeportError(ErrorCode.INTERNAL, ""), False),
        (False, HomeportError(ErrorCode.UNAVAILABLE, ""), False),
        (True, KeyboardInterrupt(), False),
    ],
)
def test_retried_is_only_what_is_safe(repeatable: bool, error: BaseException, retried: bool) -> None:
    assert may_retry(repeatable, error) is retried


async def test_a_read_is_tried_again_and_carries_the_token(api: ScriptedApi) -> None:
    api.answer("GET", "status", _BUSY, 503)
    api.answer("GET", "status", _BUSY, 503)
    api.answer("GET", "status", {"seq": 3})
    async with Transport(api.context, wait_seconds=0) as transport:
        assert await transport.call("GET", "status") == {"seq": 3}
    assert [asked.authorization for asked in api.asked] == [f"Bearer {TOKEN}"] * 3


async def test_reading_gives_up_with_the_servers_words(api: ScriptedApi) -> None:
    api.answer("GET", "status", _BUSY, 503)
    async with Transport(api.context, wait_seconds=0) as transport:
        with pytest.raises(HomeportError, match="busy"):
            await transport.call("GET", "status")
    assert len(api.asked) == ATTEMPTS


async def test_a_write_is_sent_once(api: ScriptedApi) -> None:
    api.answer("POST", "clusters", _BUSY, 503)
    async with Transport(api.context, wait_seconds=0) as transport:
        with pytest.raises(HomeportError, match="busy"):
            await transport.call("POST", "clusters", body={})
    assert len(api.asked) == 1


async def test_a_write_that_does_no_harm_twice_is_repeated(api: ScriptedApi) -> None:
    api.answer("POST", "deployments/chat/stop", _BUSY, 503)
    api.answer("POST", "deployments/chat/stop", {"id": "chat"})
    async with Transport(api.context, wait_seconds=0) as transport:
        assert await transport.call("POST", "deployments/chat/stop", body={}, repeatable=True) == {"id": "chat"}
    assert len(api.asked) == 2


async def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with Transport(Context("test", url, url, "t"), wait_seconds=0) as transport:
        with pytest.raises(HomeportError, match=f"no answer from {url}") as caught:
            await transport.call("GET", "status")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "homeport dev" in caught.value.hint


async def test_an_answer_that_is_not_the_api(api: ScriptedApi) -> None:
    api.answer("GET", "status", b"<html>")
    async with Transport(api.context) as transport:
        with pytest.raises(HomeportError, match="not JSON"):
            await transport.call("GET", "status")


async def test_no_content_is_an_empty_answer(api: ScriptedApi) -> None:
    api.answer("DELETE", "clusters/a", b"", 204)
    async with Transport(api.context) as transport:
        assert await transport.call("DELETE", "clusters/a") == {}


async def test_a_closed_client_says_so(api: ScriptedApi) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Transport(api.context).call("GET", "status")
