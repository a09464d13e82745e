"""What one end of a connection allows the other, and how it watches over it."""

from dataclasses import dataclass, replace

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Terms:
    """`window`: bytes that a stream may send before they are used up; `connection_window`: all of them together.

    `counts_heads`: whether heads of requests and answers count as frames that carry nothing. `ask_seconds`: silence
    after which the other end is asked whether it lives, and `answer_seconds` how long it may think; None = never.
    `extended_connect`: a stream may become something else, such as a WebSocket (RFC 8441).
    `begins_alike`: many clients have the same first head, which holds no secret.
    """

    window: int
    connection_window: int
    frame_size: int
    streams: int
    counts_heads: bool
    ask_seconds: float | None
    answer_seconds: float = 2.5
    extended_connect: bool = False
    begins_alike: bool = False


# One long stream. What arrives is dispatched at once and bounded by the credit of each request, so the window is there
# for bandwidth x delay and not for memory. A message of the tunnel goes in one frame.
TUNNEL = Terms(16 * MIB, 16 * MIB, 128 * KIB, 100, counts_heads=True, ask_seconds=2.5)
# Its agents say something every two seconds: a question is for those behind a link that has died.
SESSION = replace(TUNNEL, ask_seconds=12.0, answer_seconds=3.0, begins_alike=True)
# Streams are requests: a stream's window is what a request may have here while nobody takes it.
CLIENT = Terms(
    256 * KIB,
    4 * MIB,
    64 * KIB,
    128,
    counts_heads=False,
    ask_seconds=60.0,
    answer_seconds=20.0,
    extended_connect=True,
)
# A model server on this host: it is alive as long as its socket is, and servers of gRPC take questions for an attack.
MODEL = Terms(256 * KIB, 4 * MIB, 64 * KIB, 0, counts_heads=False, ask_seconds=None)
