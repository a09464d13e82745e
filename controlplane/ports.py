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


def reserve_shared(host: str, port: int, flag: str, *, taken_by_us: bool = False) -> socket.socket:
    """The port is ours, and this socket listens at it to nobody: each of our processes that shares it does so itself.

    Raises HomeportError when anybody else has it, which is not looked at where it is `taken_by_us`.
    """
    if not taken_by_us:
        reserve(host, port, flag).close()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared
