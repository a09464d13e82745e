"""Whether a port speaks HTTP/2, as one for gRPC does. That it accepts a connection may be an engine's doing."""

import asyncio

from homeport.http2.endpoint import Endpoint
from homeport.http2.terms import MODEL


async def probe_http2(host: str, port: int, timeout: float) -> str:
    """Empty when it has shown that within `timeout` seconds, else what was wrong."""
    loop = asyncio.get_running_loop()
    shown = asyncio.Event()
    endpoint: Endpoint | None = None
    try:
        async with asyncio.timeout(timeout):
            _, endpoint = await loop.create_connection(lambda: Endpoint(terms=MODEL), host, port)
            endpoint.connection.on_ready = shown.set
            asking = asyncio.ensure_future(shown.wait())
            await asyncio.wait((asking, endpoint.closed), return_when=asyncio.FIRST_COMPLETED)
            asking.cancel()
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except ConnectionRefusedError:
        return "nothing listens on its port yet"
    except OSError as error:
        return error.strerror or "connection broken"
    finally:
        if endpoint is not None:
            endpoint.abort()
    return "" if shown.is_set() else "does not speak HTTP/2"
