"""Ports for clients, had before what serves on them is made."""

import os
import socket

from homeport.core.errors import ErrorCode, HomeportError


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
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}",
            hint=f"choose another port with {flag}",
        ) from None
