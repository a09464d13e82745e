"""A client of HTTP/2 that reads when the test says so: on our own codec, which grpcio and curl are held against."""

import asyncio
import ssl

from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import CANCEL
from homeport.http2.exchange import Exchange
from homeport.http2.header_block import Headers
from homeport.http2.terms import MODEL
from tests.fakes.data_plane import TOKEN


class Asked(Exchange):
    """A request, and what came back for it."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.heads: list[dict[bytes, bytes]] = []
        self.body = b""
        self.ended = False
        self.reset: int | None = None
        self.lost = ""
        self._news = asyncio.Event()

    @property
    def status(self) -> int:
        return int(self.heads[0][b":status"])

    async def until(self, condition: object = None) -> None:
        """Until `condition()` holds; without one, until it is over."""
        async with asyncio.timeout(60):
            while not (condition() if callable(condition) else self.ended or self.reset is not None or self.lost):
                self._news.clear()
                await self._news.wait()

    def on_headers(self, headers: Headers, last: bool) -> None:
        self.heads.append(dict(headers))
        self.ended = last
        self._news.set()

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        self.body += buffer[start:end]
        self.ended = last
        self._news.set()

    def on_reset(self, code: int, reason: str) -> None:
        self.reset, self.stream = code, None
        self._news.set()

    def on_lost(self, reason: str) -> None:
        self.lost, self.stream = reason, None
        self._news.set()

    def cancel(self) -> None:
        self.give_up(CANCEL)


class Http2Client:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def ask(
        self, method: str, path: str, body: bytes | None = b"", fields: Headers | None = None, last: bool = True
    ) -> Asked:
        """`body` None: there is none."""
        headers: Headers = [
            (b":method", method.encode()),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", b"gateway"),
            (b"authorization", b"Bearer " + TOKEN.encode()),
            *(fields or []),
        ]
        asked = Asked(self.endpoint)
        asked.stream = self.endpoint.connection.begin(headers, asked, last=body is None)
        if body is not None:
            asked.send(body, last)
        return asked

    async def answer(self, method: str, path: str, body: bytes | None = b"", fields: Headers | None = None) -> Asked:
        asked = self.ask(method, path, body, fields)
        await asked.until()
        return asked

    def connect(self, path: str, fields: Headers | None = None, protocol: bytes = b"websocket") -> Asked:
        """An extended CONNECT, which goes on as something else."""
        headers: Headers = [
            (b":method", b"CONNECT"),
            (b":protocol", protocol),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", b"gateway"),
            (b"sec-websocket-version", b"13"),
            *(fields if fields is not None else [(b"authorization", b"Bearer " + TOKEN.encode())]),
        ]
        asked = Asked(self.endpoint)
        asked.stream = self.endpoint.connection.begin(headers, asked)
        return asked

    def close(self) -> None:
        self.endpoint.abort()


async def connect(port: int, tls: ssl.SSLContext | None = None, server_name: str | None = None) -> Http2Client:
    loop = asyncio.get_running_loop()
    _, endpoint = await loop.create_connection(
        lambda: Endpoint(terms=MODEL), "127.0.0.1", port, ssl=tls, server_hostname=server_name
    )
    return Http2Client(endpoint)
