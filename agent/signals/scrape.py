"""One GET of a replica's page of metrics."""

import asyncio
from collections.abc import Callable

from homeport.http1.client import ClientConnection, ClientPool
from homeport.http1.head import ResponseHead

_SECONDS = 2.0
_LONGEST = 4 << 20


class ScrapeError(Exception):
    """It says why there is no page."""


class _Page:
    """Takes one answer. Implements http1.client.ClientSink."""

    def __init__(self) -> None:
        self.body: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._status = 0
        self._parts: list[bytes] = []
        self._size = 0

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        self._status = head.status
        if last:
            self._end()

    def on_response_body(self, data: bytes, last: bool) -> None:
        self._size += len(data)
        if self._size > _LONGEST:
            self.fail(f"its page is longer than {_LONGEST >> 20} MiB")
        self._parts.append(data)
        if last:
            self._end()

    def on_upstream_lost(self, reason: str) -> None:
        self.fail(reason)

    def on_response_trailers(self, block: bytes) -> None:
        self._end()

    def on_upstream_writable(self) -> None:
        pass

    def fail(self, reason: str) -> None:
        if not self.body.done():
            self.body.set_exception(ScrapeError(reason))

    def _end(self) -> None:
        if self._status != 200:
            self.fail(f"it answered {self._status}")
        elif not self.body.done():
            self.body.set_result(b"".join(self._parts).decode("utf-8", "replace"))


async def scrape(host: str, port: int, path: str, monotonic: Callable[[], float]) -> str:
    """The page. Raises ScrapeError."""
    pool = ClientPool(host, port, monotonic)
    page = _Page()
    begun: list[ClientConnection] = []

    def use(connection: ClientConnection) -> None:
        begun.append(connection)
        head = f"GET {path} HTTP/1.1\r\naccept: text/plain\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n"
        connection.begin(page, head.encode(), False, False)

    connecting = pool.connect(use, page.fail)
    try:
        async with asyncio.timeout(_SECONDS):
            return await page.body
    except TimeoutError:
        raise ScrapeError(f"no answer within {_SECONDS:g} s") from None
    finally:
        connecting.cancel()
        for connection in begun:
            connection.abort()
        pool.close()
