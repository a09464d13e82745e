"""Serves the application on a port."""

import socket
import ssl

from aiohttp import web

# A stopping server does not wait longer than this for readers of logs to leave.
_SHUTDOWN_SECONDS = 2.0
# Room for a list's filters, written with %XX.
_MAX_LINE = 64 * 1024


async def serve(app: web.Application, listener: socket.socket, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """Plain HTTP without `tls`."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        max_line_size=_MAX_LINE,
    )
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=tls).start()
    return runner
