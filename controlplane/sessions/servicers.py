"""Answers calls with servicers that were written for grpc.aio, so that either can carry them.

What sessions cost decides how many nodes one control plane can have, see docs/adr/0015.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import grpc
import structlog

from homeport.http2.call import ServerCall
from homeport.http2.messages import MessageError
from homeport.http2.status import INTERNAL, OK, UNKNOWN, Status

log = structlog.get_logger()

# Messages that wait for the servicer before the client is slowed down, and for the wire before the servicer is.
_LONGEST_INBOX = 64
_LONGEST_OUTBOX = 64


class Servicers:
    """`methods` is what a GrpcServer asks for."""

    def __init__(self) -> None:
        self.methods: dict[bytes, Callable[[ServerCall], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """`register` is what the generated code has for that: add_SessionServicer_to_server."""
        register(servicer, self)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Called by generated code; handlers are grpc.RpcMethodHandler."""
        for name, handler in handlers.items():
            self.methods[f"/{service}/{name}".encode()] = partial(self._begin, handler)

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same handlers again, for servers that know only these."""

    async def finish(self, grace_seconds: float) -> None:
        """Lets what is open end by itself, for so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)

    def _begin(self, handler: Any, call: ServerCall) -> None:
        talk = ServicerCall(handler, call)
        task = asyncio.create_task(talk.run(), name=call.metadata[b":path"].decode(errors="replace"))
        talk.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        call.accept([], talk, talk.on_last)


class _Aborted(Exception):
    pass


class ServicerCall:
    """A call as its talker, and as the context that the servicer gets: the part of grpc.aio's that is used here."""

    def __init__(self, handler: Any, call: ServerCall) -> None:
        self.task: asyncio.Task[None] | None = None
        self._handler = handler
        self._call = call
        self._inbox: deque[Any] = deque()
        self._last = False
        self._arrived: asyncio.Future[None] | None = None
        self._outbox: deque[bytes] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._status: Status | None = None
        # Once it listens: who hears the messages, and the end of that.
        self._hear: Callable[[Any], None] | None = None
        self._listened: asyncio.Future[None] | None = None
        self._leaves = False

    async def run(self) -> None:
        status = Status(OK, "")
        try:
            await self._answer()
        except _Aborted:
            status = self._status or status
        except Exception:
            log.exception("a call failed", method=self._call.metadata[b":path"].decode(errors="replace"))
            status = Status(UNKNOWN, "the server failed; its log says how")
        self._status = status
        self._call.wake()

    async def _answer(self) -> None:
        """What the servicer returns is the answer; one that streams, which takes a stream here, writes by itself."""
        handler = self._handler
        method = handler.stream_stream or handler.stream_unary or handler.unary_unary
        request = self._messages() if handler.request_streaming else await self._only_message()
        answer = await method(request, self)
        if not handler.response_streaming:
            await self.write(answer)

    # ---- the servicer's side

    async def write(self, message: Any) -> None:
        self._outbox.append(self._handler.response_serializer(message))
        self._call.wake()
        while len(self._outbox) > _LONGEST_OUTBOX:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    def post(self, message: Any) -> None:
        """Sends it without ever waiting: for those who say little, whatever the client reads."""
        self._outbox.append(self._handler.response_serializer(message))
        self._call.wake()

    async def listen(self, hear: Callable[[Any], None]) -> None:
        """Hands every message over in the turn in which it comes, which is cheaper than to wake a task for each.

        Returns when the client has said everything, or after leave(). Raises what `hear` raises.
        """
        self._listened = asyncio.get_running_loop().create_future()
        while self._inbox:
            hear(self._inbox.popleft())
        self._call.resume()
        self._hear = hear
        if not self._last:
            await self._listened

    def leave(self, patience_seconds: float) -> None:
        """Ends listen() once all that was posted is on its way, or is not taken for so long."""
        if not self._leaves:
            self._leaves = True
            asyncio.get_running_loop().call_later(patience_seconds, self._stop_listening)
            self._call.wake()

    def _stop_listening(self) -> None:
        _fulfil(self._listened)

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        number: int = code.value[0]
        self._status = Status(number, details)
        raise _Aborted

    def auth_context(self) -> dict[str, list[bytes]]:
        pem = self._call.endpoint.peer_certificate_pem
        return {"x509_pem_cert": [pem]} if pem else {}

    def peer(self) -> str:
        return self._call.endpoint.peer_address

    async def _messages(self) -> AsyncIterator[Any]:
        while await self._has_arrived():
            yield self._inbox.popleft()
            if len(self._inbox) == _LONGEST_INBOX // 2:
                self._call.resume()

    async def _only_message(self) -> Any:
        if await self._has_arrived():
            return self._inbox.popleft()
        await self.abort(grpc.StatusCode.INTERNAL, "the call has no message")
        raise AssertionError

    async def _has_arrived(self) -> bool:
        """False when the client has said everything."""
        while not self._inbox and not self._last:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return bool(self._inbox)

    # ---- the call's side

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        try:
            message = self._handler.request_deserializer(buffer[start:end])
        except Exception as error:
            raise MessageError(Status(INTERNAL, f"a message cannot be read: {error}")) from error
        if self._hear is not None:
            self._tell(self._hear, message)
            return
        self._inbox.append(message)
        if len(self._inbox) == _LONGEST_INBOX:
            self._call.pause()
        _fulfil(self._arrived)

    def on_last(self) -> None:
        self._last = True
        _fulfil(self._arrived)
        _fulfil(self._listened)

    def take(self) -> bytes | None:
        if self._outbox:
            return self._outbox.popleft()
        _fulfil(self._drained)
        if self._leaves:
            _fulfil(self._listened)
        if self._status is not None:
            # What was taken in this turn goes out before it.
            asyncio.get_running_loop().call_soon(self._call.end, self._status)
        return None

    def on_end(self, status: Status) -> None:
        if self.task is not None:
            self.task.cancel()

    def _tell(self, hear: Callable[[Any], None], message: Any) -> None:
        try:
            hear(message)
        except Exception as error:
            # It is the servicer's, not the connection's.
            self._hear = _deaf
            if self._listened is not None and not self._listened.done():
                self._listened.set_exception(error)


def _deaf(message: Any) -> None:
    """Hears nothing more."""


def _fulfil(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)
