"""The HTTP proxy that the environment names, if any: `grpc_proxy`, `https_proxy`, `http_proxy` and `no_proxy`, as gRPC
reads them, so that tunnels take the same way out as sessions.
"""

import asyncio
import base64
import socket
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_MAX_ANSWER = 16 * 1024


def proxy_for(host: str) -> SplitResult | None:
    known = getproxies_environment()
    url = known.get("grpc") or known.get("https") or known.get("http")
    if not url or proxy_bypass(host):
        return None
    return urlsplit(url if "://" in url else f"http://{url}")


async def connect_through(proxy: SplitResult, host: str, port: int) -> socket.socket:
    """A socket on which `host` hears us. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(proxy.hostname or "", proxy.port or 80, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, _request(proxy, host, port))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            # TLS begins with us: nothing follows the answer's head.
            data = await loop.sock_recv(sock, 4096)
            answer += data
            if not data or len(answer) > _MAX_ANSWER:
                raise ConnectionError(f"the proxy {proxy.hostname} broke off")
        line = answer.partition(b"\r\n")[0].decode("latin-1")
        if line.split(" ")[1:2] != ["200"]:
            raise ConnectionError(f"the proxy {proxy.hostname} refused: {line}")
    except BaseException:
        sock.close()
        raise
    return sock


def _request(proxy: SplitResult, host: str, port: int) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.username is not None:
        user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines += f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"
    return (lines + "\r\n").encode()
