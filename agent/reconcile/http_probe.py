"""One HTTP GET, whose status line is all that matters. On a bare socket: it is done every second, for ever."""

import asyncio
import socket
from collections.abc import Callable

_LONGEST_LINE = 4096


async def probe_http(
    host: str, port: int, path: str, timeout: float, answered: Callable[[], None] = lambda: None
) -> str:
    """Empty when the answer is 2xx or 3xx within `timeout` seconds, else what was wrong. `answered` is called when it
    is any."""
    try:
        async with asyncio.timeout(timeout):
            line = await _status_line(host, port, path)
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except ConnectionRefusedError:
        return "nothing listens on its port yet"
    except OSError as error:
        return error.strerror or "connection broken"
    if line:
        answered()
    return _problem(line, path)


async def _status_line(host: str, port: int, path: str) -> bytes:
    """As much of it as came before the other side was done or too verbose."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (host, port))
        headers = f"Host: {host}:{port}\r\nUser-Agent: homeport-agent\r\nConnection: close\r\n"
        await loop.sock_sendall(connection, f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
        received = b""
        while b"\n" not in received and len(received) < _LONGEST_LINE:
            chunk = await loop.sock_recv(connection, _LONGEST_LINE)
            if not chunk:
                break
            received += chunk
        return received


def _problem(line: bytes, path: str) -> str:
    parts = line.split(None, 2)
    if not line:
        return "closed the connection without an answer"
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        return "does not speak HTTP"
    status = int(parts[1])
    return "" if 200 <= status < 400 else f"GET {path} answered {status}"
