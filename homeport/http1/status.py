"""Status lines, made once."""

from http import HTTPStatus

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def status_line(status: int) -> bytes:
    return _LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n".encode()


# These answers end with their head, whatever it says; so do those below 200.
BODILESS = frozenset((204, 304))

# To a WebSocket; nothing else is switched to.
SWITCHING = 101
