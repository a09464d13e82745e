"""Serves the application on a port."""

import socket

from aiohttp import web

from homeport.core.errors import ErrorCode, HomeportError

# A stopping server does not wait longer than this for readers of logs to leave.
_SHUTDOWN_SECONDS = 2.0
# Room for a list's filters, written with %XX.
_MAX_LINE = 64 * 1024


def reserve(host: str, port: int, flag: str) -> socket.socket:
    """The listening socket, so that its port is known before the application is made.

    Raises HomeportError, naming the flag by which another port can be chosen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise HomeportError(
            ErrorCode.UNAVAILABLE,
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint=f"choose another port with {flag}",
        ) from None


async def serve(app: web.Application, listener: socket.socket) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        max_line_size=_MAX_LINE,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner
