"""Ports of our own gRPC server. Every server owns its port alone."""

import ssl

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http2.server import GrpcServer


async def listen(server: GrpcServer, address: str, flag: str, tls: ssl.SSLContext) -> int:
    """Starts it at `host:port` and returns the port. Raises HomeportError naming the flag when it cannot be had."""
    host, _, port = address.rpartition(":")
    try:
        return await server.start(host.removeprefix("[").removesuffix("]"), int(port), tls)
    except OSError as error:
        raise HomeportError(
            ErrorCode.UNAVAILABLE,
            f"cannot listen on {address}: {error.strerror or error}",
            hint=f"is it taken? choose another with {flag}",
        ) from error
