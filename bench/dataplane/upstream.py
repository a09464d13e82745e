"""A model server that costs next to nothing: POST is answered at once, /stream with server-sent events.

python -m bench.dataplane.upstream
"""

import asyncio
import json
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


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._streams = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._streams = url == b"/stream"

    def on_message_complete(self) -> None:
        if self._transport is None:
            return
        if self._streams:
            self._transport.write(_HEAD + _CHUNK)
            asyncio.get_running_loop().call_later(_PAUSE, self._next, _EVENTS - 1)
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


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await until_parent_ends()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
