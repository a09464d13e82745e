"""Ports of our own gRPC server."""

import ssl

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http2.server import GrpcServer


async def listen(server: GrpcServer, address: str, flag: str, tls: ssl.SSLContext, *, shares_port: bool = False) -> int:
    """Starts it at `host:port` and returns the port, which it owns alone unless it `shares_port`.

    Raises HomeportError naming the flag when it cannot be had.
    """
    host, _, port = address.rpartition(":")
    try:
        return await server.start(host.removeprefix("[").removesuffix("]"), int(port), tls, shares_port=shares_port)
    except OSError as error:
        raise HomeportError(
            ErrorCode.UNAVAILABLE,
            f"cannot listen on {address}: {error.strerror or error}",
            hint=f"is it taken? choose another with {flag}",
        ) from error
