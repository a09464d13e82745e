"""A model server of gRPC that passes bytes: each kind of call does what its message or metadata says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
SERVICE = "test.Calls"


class GrpcModel:
    """`calls`: the metadata of each, in the order of their coming."""

    def __init__(self, options: list[tuple[str, int]] | None = None) -> None:
        self.port = 0
        self.calls: list[dict[str, str | bytes]] = []
        self.methods: list[str] = []
        self.remaining: list[float | None] = []
        self.cancelled = asyncio.Event()
        self._options = _UNLIMITED + (options or [])
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        await self.start_on(0)

    async def start_on(self, port: int) -> None:
        server = self._server = grpc.aio.server(options=self._options)
        server.add_generic_rpc_handlers((_Handlers(self),))
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()

    async def close(self, grace: float | None = None) -> None:
        if self._server is not None:
            await self._server.stop(grace)

    def _note(self, context: Any) -> None:
        self.calls.append(dict(context.invocation_metadata()))
        self.remaining.append(context.time_remaining())

    async def unary(self, message: bytes, context: Any) -> bytes:
        self._note(context)
        if message == b"fail":
            context.set_trailing_metadata((("x-why", "because"), ("x-raw-bin", b"\x00\xff")))
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no: 100 % wrong")
        if message == b"hang":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        await context.send_initial_metadata((("x-begun", "yes"), ("x-raw-bin", b"\x01\xfe")))
        context.set_trailing_metadata((("x-done", "yes"),))
        return message

    async def server_stream(self, message: bytes, context: Any) -> AsyncIterator[bytes]:
        self._note(context)
        count, size = (int(part) for part in message.split(b" "))
        for number in range(count):
            yield b"%d " % number + b"x" * size
        if count == 7:
            await context.abort(grpc.StatusCode.DATA_LOSS, "after seven")

    async def client_stream(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        self._note(context)
        return b"%d" % sum([len(message) async for message in messages])

    async def bidi(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self._note(context)
        async for message in messages:
            if message == b"enough":
                return
            yield message


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    def __init__(self, model: GrpcModel) -> None:
        self._model = model

    def service(self, details: Any) -> Any:
        model, name = self._model, details.method.rpartition("/")[2]

        model.methods.append(details.method)
        if name == "ServerStream":
            return grpc.unary_stream_rpc_method_handler(model.server_stream)
        if name == "ClientStream":
            return grpc.stream_unary_rpc_method_handler(model.client_stream)
        if name in ("Bidi", "ModelStreamInfer"):
            return grpc.stream_stream_rpc_method_handler(model.bidi)
        if name == "Missing":
            return None
        return grpc.unary_unary_rpc_method_handler(model.unary)
