"""The answer to a caller that asked to hear how its waiting goes: a stream of events that begins before the model's.

While it waits it gets comments, which clients of such streams skip. What the model then answers follows as events,
whatever it is: its status can't be told any more.
"""

from homeport.http1.exchange import ClientSide
from homeport.http1.head import UNKNOWN
from homeport.tunnel.frames import Progress

# Of an answer that is no stream of events: it becomes one event.
_LONGEST = 1 << 20
# Something is said at least so often: whoever stands between may end a connection that is silent.
_KEEP_ALIVE_SECONDS = 10.0
_HEAD = b"content-type: text/event-stream\r\ncache-control: no-store\r\nx-request-id: %b\r\n"


class WaitingAnswer:
    def __init__(self, connection: ClientSide, request_id: bytes) -> None:
        self._connection = connection
        self._said: tuple[Progress, float] | None = None
        self._begun = False
        # Of such an answer, as far as it is here; None while events pass.
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        connection.send_head(200, _HEAD % request_id, UNKNOWN)

    def say(self, progress: Progress, now: float) -> None:
        """What it has not heard yet. `progress.seconds` 0 = nobody knows."""
        heard = self._said is not None and self._said[0] == progress and now - self._said[1] < _KEEP_ALIVE_SECONDS
        if heard or self._begun or self._connection.write_paused:
            return
        self._said = progress, now
        about = f", about {progress.seconds} s" if progress.seconds else ""
        text = " ".join(progress.text.split())
        self._connection.send_body(f": {text}{about}\n\n".encode(), False)

    def on_head(self, status: int, is_events: bool) -> None:
        self._begun = True
        self._held = None if status == 200 and is_events else []

    def on_data(self, data: bytes, last: bool) -> bool:
        """False for an answer that has no head, or is too long to be one event."""
        if not self._begun:
            return False
        if self._held is None:
            self._connection.send_body(data, last)
            return True
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _LONGEST:
            return False
        if last:
            lines = b"".join(self._held).split(b"\n")
            event = b"".join(b"data: %b\n" % line.rstrip(b"\r") for line in lines)
            self._connection.send_body(event + b"\n", True)
        return True
