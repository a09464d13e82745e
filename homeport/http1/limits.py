"""The bounds of both sides of the codec. Sizes are bytes, times seconds."""

from dataclasses import dataclass

MAX_HEAD = 64 * 1024
MAX_HEADERS = 200
# One header, or the request line.
MAX_LINE = 8 * 1024
# Chunk extensions and trailers carry nothing for us: this much between two pieces of a body is an attack.
MAX_CHUNK_OVERHEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    # From the first byte of a head to its last.
    head: float = 10.0
    # Between two requests of one connection.
    idle: float = 75.0
    # Without one byte of a body that is awaited.
    body: float = 30.0
    # Without the peer taking one byte of what waits to be sent.
    write: float = 60.0
    # Reading and dropping after the last answer, so that a reset does not overtake it.
    linger: float = 2.0
