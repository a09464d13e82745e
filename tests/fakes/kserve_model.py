"""A model server with two ports, as Triton is one: `python -m tests.fakes.kserve_model PORT GRPC_PORT`.

On both it speaks the Open Inference Protocol: its model is called "org/real", and answers twice its input. Over gRPC it
has a health check, and the service test.Any echoes; over HTTP it is protocols_model.py.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import numpy as np
from aiohttp import web
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped]
from tritonclient.grpc import service_pb2_grpc as rpc

from tests.fakes import protocols_model

NAME = protocols_model.MODEL
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Servicer(rpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    async def ModelReady(self, request: Any, context: Any) -> Any:
        return pb.ModelReadyResponse(ready=request.name == NAME)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        return pb.ModelMetadataResponse(name=request.name, platform="test", versions=["1"])

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        if request.model_name != NAME:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"only {NAME} is here, and not {request.model_name}")
        return answer(request)

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield pb.ModelStreamInferResponse(infer_response=answer(request))


def answer(request: Any) -> Any:
    doubled = np.frombuffer(request.raw_input_contents[0], dtype=np.float32) * 2
    response = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
    response.outputs.add(name="y", datatype="FP32", shape=list(request.inputs[0].shape))
    response.raw_output_contents.append(doubled.tobytes())
    return response


class Echo(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    def service(self, details: Any) -> Any:
        async def unary(message: bytes, context: Any) -> bytes:
            return message

        async def health(message: bytes, context: Any) -> bytes:
            return b"\x08\x01"

        if details.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(health)
        return grpc.unary_unary_rpc_method_handler(unary) if details.method.startswith("/test.Any/") else None


async def serve(port: int, grpc_port: int) -> None:
    runner = web.AppRunner(protocols_model.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server = grpc.aio.server(options=_UNLIMITED)
    rpc.add_GRPCInferenceServiceServicer_to_server(Servicer(), server)
    server.add_generic_rpc_handlers((Echo(),))
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
