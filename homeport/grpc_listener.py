"""Ports of gRPC's server. Every server owns its port alone."""

import grpc

from homeport.core.errors import ErrorCode, HomeportError

_OPTIONS = (
    # Two servers on one port would silently share the agents between them.
    ("grpc.so_reuseport", 0),
    # Agents ping idle connections every 5 s; the default policy would call that abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.max_concurrent_streams", 100),
)


def bind(address: str, flag: str, credentials: grpc.ServerCredentials) -> tuple[grpc.aio.Server, int]:
    """(server, port); not started yet. Raises HomeportError naming the flag when the port cannot be had."""
    server = grpc.aio.server(options=_OPTIONS)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise HomeportError(
            ErrorCode.UNAVAILABLE, f"cannot listen on {address}", hint=f"is it taken? choose another with {flag}"
        )
    return server, port
