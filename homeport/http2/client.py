"""Dials gRPC servers, each on a connection of its own."""

import asyncio
import ssl

from homeport.http2.endpoint import Endpoint
from homeport.http2.proxy import connect_through, proxy_for

_SHUTDOWN_SECONDS = 1.0


async def dial(host: str, port: int, tls: ssl.SSLContext, server_name: str, direct: bool = False) -> Endpoint:
    """Expects `server_name` in the certificate, whatever is dialled; `direct` goes past any proxy. Raises OSError."""
    loop = asyncio.get_running_loop()
    proxy = None if direct else proxy_for(host)
    if proxy is None:
        _, endpoint = await loop.create_connection(
            lambda: Endpoint(server_name.encode()),
            host,
            port,
            ssl=tls,
            server_hostname=server_name,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        return endpoint
    sock = await connect_through(proxy, host, port)
    try:
        _, endpoint = await loop.create_connection(
            lambda: Endpoint(server_name.encode()),
            sock=sock,
            ssl=tls,
            server_hostname=server_name,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
    except BaseException:
        sock.close()
        raise
    return endpoint
