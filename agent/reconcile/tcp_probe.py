"""Whether a port accepts a connection."""

import asyncio
import socket


async def probe_tcp(host: str, port: int, timeout: float) -> str:
    """Empty when it does within `timeout` seconds, else what was wrong."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as connection:
                connection.setblocking(False)
                await loop.sock_connect(connection, (host, port))
    except TimeoutError:
        return f"no connection within {timeout:g} s"
    except ConnectionRefusedError:
        return "nothing listens on its port yet"
    except OSError as error:
        return error.strerror or "connection broken"
    return ""
