"""A model server of gRPC that answers each call with its message, as gRPC's own C++ core does it.

python -m bench.dataplane.grpc_model
"""

import asyncio
import json
from typing import Any

import grpc.aio

from bench.dataplane.parent import until_parent_ends


class Echo(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(_echo)


async def _echo(message: bytes, context: Any) -> bytes:
    return message


async def main() -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    await until_parent_ends()


if __name__ == "__main__":
    asyncio.run(main())
