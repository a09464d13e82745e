"""An HTTP server that answers as a test told it to and remembers what it was asked."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from homeport.client.contexts import Context

TOKEN = "hp1.abc.secret"


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    authorization: str


@dataclass(slots=True)
class ScriptedApi:
    """`answers`: (method, path) -> answers in turn, the last one again and again. Bytes are sent as they are."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    hung_up: threading.Event = field(default_factory=threading.Event)
    # Of each watch in turn: its messages, after which the connection is closed; None among them = kept open instead.
    watches: list[list[dict[str, Any] | None]] = field(default_factory=list)
    watch_requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def context(self) -> Context:
        return Context("test", self.url, self.url, TOKEN)

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        self.answers.setdefault((method, f"/{path}"), []).append((status, body))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.split("?")[0].removeprefix("/api/v1")
        if path == "/watch" and self.watches:
            return await self._watch(request, self.watches.pop(0))
        body = await request.json() if request.can_read_body else None
        authorization = request.headers.get("Authorization", "")
        self.asked.append(Asked(request.method, path, dict(request.query), body, authorization))
        script = self.answers.get((request.method, path))
        if not script:
            error = {"code": "not_found", "message": f"nothing scripted for {request.method} {path}"}
            return web.json_response({"error": error}, status=404)
        status, answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, list):
            return await self._stream(request, answer)
        if isinstance(answer, bytes):
            return web.Response(body=answer, status=status)
        return web.json_response(answer, status=status)

    async def _watch(self, request: web.Request, messages: list[dict[str, Any] | None]) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.watch_requests.append(await socket.receive_json())
        for message in messages:
            if message is None:
                await socket.receive()
                self.hung_up.set()
            else:
                await socket.send_json(message)
        await socket.close()
        return socket

    async def _stream(self, request: web.Request, pieces: list[bytes]) -> web.StreamResponse:
        """Pieces one by one; after an empty one it waits until the client hangs up."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for piece in pieces:
                if not piece:
                    await asyncio.Event().wait()
                await response.write(piece)
        except asyncio.CancelledError:
            self.hung_up.set()
            raise
        return response


@contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    """On a thread of its own, so that blocking clients can be tested."""
    api = ScriptedApi()
    loop = asyncio.new_event_loop()
    runners: list[web.AppRunner] = []

    async def start() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", api.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        host, port = runner.addresses[0][:2]
        api.url = f"http://{host}:{port}"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield api
    finally:
        asyncio.run_coroutine_threadsafe(runners[0].cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def resource(kind: str, object_id: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": object_id,
        "generation": 1,
        "seq": 7,
        "created_at": 0.0,
        "updated_at": 0.0,
        "spec": spec,
        "status": status or {},
    }
