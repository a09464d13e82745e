"""Who talks over calls of homeport.http2 in tests."""

import asyncio
from collections import deque

from homeport.http2.call import Call, ServerCall
from homeport.http2.status import Status


class RecordingTalker:
    """Sends what it is told to; remembers what it hears."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.metadata: dict[bytes, bytes] | None = None
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self.accepted = asyncio.Event()
        self._outgoing: deque[bytes] = deque()

    def say(self, message: bytes) -> None:
        self._outgoing.append(message)
        if self.call is not None:
            self.call.wake()

    @property
    def unsent(self) -> int:
        return len(self._outgoing)

    async def hear(self) -> bytes:
        return await asyncio.wait_for(self.messages.get(), 60)

    async def end(self) -> Status:
        return await asyncio.wait_for(asyncio.shield(self.ended), 60)

    # ---- what calls call

    def on_metadata(self, metadata: dict[bytes, bytes]) -> None:
        self.metadata = metadata
        self.accepted.set()

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        self.messages.put_nowait(buffer[start:end])

    def take(self) -> bytes | None:
        return self._outgoing.popleft() if self._outgoing else None

    def on_end(self, status: Status) -> None:
        if not self.ended.done():
            self.ended.set_result(status)
        self.accepted.set()


class EchoTalker(RecordingTalker):
    """Says what it hears."""

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        self.say(buffer[start:end])


def echo(call: ServerCall) -> None:
    talker = EchoTalker()
    talker.call = call
    call.accept([(b"said", call.metadata.get(b"say", b""))], talker)
