"""A model server that costs next to nothing: POST is answered at once, /stream with server-sent events, /endless with
events until the client leaves, /paced with as many a second as the body says and each stamped with the time, /bytes
with as many bytes as the body says.

python -m bench.dataplane.upstream [PORT]
"""

import asyncio
import json
import sys
import time
from typing import cast

import httptools
import uvloop

from bench.dataplane.parent import until_parent_ends

_ANSWER = json.dumps({"id": "bench", "choices": [{"message": {"role": "assistant", "content": "x" * 128}}]}).encode()
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_ANSWER) + _ANSWER
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = b'data: {"choices":[{"delta":{"content":"token"}}]}\n\n'
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_EVENTS = 5
_PAUSE = 0.002
_PIECE = bytes(64 * 1024)


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._body = b""
        # Bytes of /bytes still to send.
        self._left = 0
        self._write_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._pour()

    def on_url(self, url: bytes) -> None:
        self._url = url
        self._body = b""

    def on_body(self, data: bytes) -> None:
        if self._url in (b"/bytes", b"/paced"):
            self._body += data

    def on_message_complete(self) -> None:
        if self._transport is None:
            return
        if self._url in (b"/stream", b"/endless"):
            self._transport.write(_HEAD + _CHUNK)
            left = _EVENTS - 1 if self._url == b"/stream" else 1 << 30
            asyncio.get_running_loop().call_later(_PAUSE, self._next, left)
        elif self._url == b"/paced":
            self._transport.write(_HEAD)
            wanted = json.loads(self._body)
            self._pace(asyncio.get_running_loop().time(), 1 / wanted["per_second"], wanted["events"])
        elif self._url == b"/bytes":
            self._left = int(self._body)
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self._left)
            self._pour()
        else:
            self._transport.write(_WHOLE)

    def _next(self, left: int) -> None:
        if self._transport is None:
            return
        if left:
            self._transport.write(_CHUNK)
            asyncio.get_running_loop().call_later(_PAUSE, self._next, left - 1)
        else:
            self._transport.write(b"0\r\n\r\n")

    def _pace(self, due: float, interval: float, left: int) -> None:
        if self._transport is None:
            return
        if not left:
            self._transport.write(b"0\r\n\r\n")
            return
        event = b'data: {"t":%.6f}\n\n' % time.monotonic()
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        due += interval
        asyncio.get_running_loop().call_at(due, self._pace, due, interval, left - 1)

    def _pour(self) -> None:
        while self._left and not self._write_paused and self._transport is not None:
            piece = _PIECE[: self._left]
            self._left -= len(piece)
            self._transport.write(piece)


async def main(port: int) -> None:
    """Without a port of its own it is a part of a bench, and ends with it."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await (server.serve_forever() if port else until_parent_ends())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
