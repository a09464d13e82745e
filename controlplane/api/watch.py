"""Following objects as they change, over a WebSocket or as server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from controlplane.api.body import parse_json
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.errors import error_body
from controlplane.api.middleware import REQUEST_ID
from controlplane.api.routing import Answer, Call, Route
from controlplane.api.watch_request import EventsQuery, WatchRequest, request_of
from controlplane.auth.guard import Guard
from controlplane.auth.places import TO_SEE
from controlplane.views.pulse import Pulse
from controlplane.views.sight import Sight
from controlplane.views.subscription import Message, Subscription
from controlplane.views.views import TOPICS, Views
from homeport.core.access.principal import Principal
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.documents import parse_spec

log = structlog.get_logger()

_TAG = "watch"
_ANYONE = "each topic is asked about, and shows what may be seen"
# A quiet watch says so at least this often.
_PING_SECONDS = 15.0
# Who does not answer a WebSocket's ping is gone, and so is who does not read.
_HEARTBEAT_SECONDS = 30.0
_REQUEST_SECONDS = 10.0
_REQUEST_BYTES = 16 * 1024
_PING = Message("ping", '{"type": "ping"}')


class Watch:
    def __init__(self, dependencies: ApiDependencies, views: Views, pulse: Pulse) -> None:
        self._store = dependencies.store
        self._views = views
        self._pulse = pulse

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/watch", self.websocket, _TAG, "A WebSocket: send what to watch, get it and its changes",
                  status=101, anyone=_ANYONE),
            Route("GET", "/watch/events", self.events, _TAG, "The same as server-sent events", query=EventsQuery,
                  media_type="text/event-stream", anyone=_ANYONE),
        ]  # fmt: skip

    async def websocket(self, call: Call) -> Answer:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_REQUEST_BYTES, compress=False)
        if not socket.can_prepare(call.request):
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                "this is a WebSocket, and the request asks for none",
                hint="open ws://.../api/v1/watch, or read /api/v1/watch/events with any HTTP client",
            )
        await socket.prepare(call.request)
        request_id = call.request[REQUEST_ID]
        sender: asyncio.Task[None] | None = None
        try:
            while (text := await _next_request(socket, None if sender else _REQUEST_SECONDS)) is not None:
                await _cancel(sender)
                asked = parse_spec(WatchRequest, parse_json(text), "")
                _must_see_topics(call.principal, asked)
                sender = asyncio.create_task(self._send(call, socket, asked), name=f"watch-{request_id}")
        except HomeportError as error:
            await _cancel(sender)
            await _refuse(socket, error, request_id)
        finally:
            await _cancel(sender)
            await socket.close()
        return socket

    async def events(self, call: Call) -> Answer:
        query: EventsQuery = call.query
        since = call.request.headers.get("Last-Event-ID") or query.since
        asked = parse_spec(WatchRequest, request_of(query.topics, since), "")
        _must_see_topics(call.principal, asked)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(call.request)
        with contextlib.suppress(ConnectionError, HomeportError):
            async with contextlib.aclosing(self._messages(call, asked)) as messages:
                async for message in messages:
                    id = "" if message.seq is None else f"id: {message.seq}:{self._store.store_id}\n"
                    await response.write(f"{id}event: {message.type}\ndata: {message.text}\n\n".encode())
            await response.write_eof()
        return response

    async def _send(self, call: Call, socket: web.WebSocketResponse, asked: WatchRequest) -> None:
        """Until the watcher has gone, may no longer watch, or the server stops."""
        request_id = call.request[REQUEST_ID]
        try:
            async with contextlib.aclosing(self._messages(call, asked)) as messages:
                async for message in messages:
                    await socket.send_str(message.text)
            await socket.close(code=1001, message=b"the server is stopping")
        except ConnectionError:
            return
        except HomeportError as error:
            await _refuse(socket, error, request_id)
        except Exception:
            log.exception("watch failed", request_id=request_id)
            failure = HomeportError(ErrorCode.INTERNAL, "the server made an error", hint=f"its log has {request_id}")
            await _refuse(socket, failure, request_id)

    async def _messages(self, call: Call, asked: WatchRequest) -> AsyncGenerator[Message, None]:
        """Raises UNAUTHENTICATED, PERMISSION_DENIED when the watcher may no longer watch. One whose roles have changed
        is told everything anew."""
        await self._views.refresh()
        store_id, principal = self._store.store_id, call.again()
        sight = Sight(self._store, Guard(principal))
        subscription = Subscription(self._views, store_id, asked.topics, asked.since, asked.store_id or store_id, sight)
        with self._pulse.watching():
            while not self._pulse.closed:
                beats = self._pulse.beats
                if (now := call.again()).grants != principal.grants:
                    principal = now
                    _must_see_topics(principal, asked)
                    sight = Sight(self._store, Guard(principal))
                    subscription = Subscription(self._views, store_id, asked.topics, 0, "", sight)
                async for message in subscription.news():
                    yield message
                if not await self._pulse.after(beats, _PING_SECONDS):
                    yield _PING


def _must_see_topics(principal: Principal, asked: WatchRequest) -> None:
    """Raises PERMISSION_DENIED. One's own tokens are there for everybody."""
    for topic in asked.topics:
        if topic != "access-tokens":
            Guard(principal).must_hold_somewhere(TO_SEE[TOPICS[topic]])


async def _next_request(socket: web.WebSocketResponse, timeout: float | None) -> str | None:
    """None when the client has gone. Raises INVALID_ARGUMENT, DEADLINE_EXCEEDED."""
    try:
        message = await socket.receive(timeout)
    except TimeoutError:
        raise HomeportError(
            ErrorCode.DEADLINE_EXCEEDED,
            f"nothing was asked for within {_REQUEST_SECONDS:g} seconds",
            hint='send {"topics": ["deployments"]} after opening the WebSocket',
        ) from None
    if message.type is WSMsgType.BINARY:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, "the request is not text", hint="send JSON in a text message")
    return str(message.data) if message.type is WSMsgType.TEXT else None


async def _refuse(socket: web.WebSocketResponse, error: HomeportError, request_id: str) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_json({"type": "error", **error_body(error, request_id)})
        await socket.close(code=1008, message=error.code.value.encode())


async def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
