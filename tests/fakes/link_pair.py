"""Both ends of a tunnel without a network: what one end has to say is carried over when the test says so."""

from homeport.tunnel.envelope import unwrap
from homeport.tunnel.frames import Progress, Refusal
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening
from homeport.tunnel.stream import Stream


def frames_of(message: bytes) -> bytes:
    start, end = unwrap(message, 0, len(message))
    return message[start:end]


class RecordingStream(Stream):
    """Remembers what it hears. With `reads` False it never grants credit."""

    def __init__(self, link: Link, request_id: int, opening: Opening | None = None, reads: bool = True) -> None:
        super().__init__(link, request_id)
        self.opening = opening
        self.reads = reads
        self.head: tuple[int, int, bytes] | None = None
        self.data = b""
        self.ended = False
        self.reset_by: tuple[int, str] | None = None
        self.refusal: Refusal | None = None
        self.room = 0
        self.progress: list[Progress] = []
        self.trailers = b""

    def on_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        self.head = status, length, block
        self.ended = last

    def on_data(self, data: bytes, last: bool) -> None:
        self.data += data
        self.ended = last
        if self.reads and not last:
            self.consumed(len(data))

    def on_trailers(self, block: bytes) -> None:
        assert not self.ended
        self.trailers = block

    def on_reset(self, code: int, reason: str) -> None:
        self.reset_by = code, reason

    def on_refused(self, refusal: Refusal) -> None:
        self.refusal = refusal

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)

    def on_send_room(self) -> None:
        self.room += 1


class LinkPair:
    def __init__(self) -> None:
        self.wakes = 0
        self.gateway = Link(self._wake)
        self.agent = Link(self._wake)
        self.agent.on_open = self._open
        self.accepted: dict[int, RecordingStream] = {}
        self.messages: list[bytes] = []
        self.agent_reads = True

    def open(self, last: bool = False) -> RecordingStream:
        stream = RecordingStream(self.gateway, self.gateway.next_id())
        self.gateway.open(stream, Opening("d", 1, b"POST / HTTP/1.1\r\n", -1), last)
        return stream

    def peer(self, stream: RecordingStream) -> RecordingStream:
        return self.accepted[stream.request_id]

    def carry(self) -> None:
        """All that both ends have to say, until they are silent."""
        while self.carry_once():
            pass

    def carry_once(self) -> bool:
        """One message of each end."""
        to_agent, to_gateway = self.gateway.outbox.take(), self.agent.outbox.take()
        for message, link in ((to_agent, self.agent), (to_gateway, self.gateway)):
            if message is not None:
                self.messages.append(message)
                link.feed(message, 0, len(message))
        return to_agent is not None or to_gateway is not None

    def _open(self, link: Link, request_id: int, opening: Opening, last: bool) -> None:
        stream = RecordingStream(link, request_id, opening, self.agent_reads)
        stream.ended = last
        link.streams[request_id] = self.accepted[request_id] = stream

    def _wake(self) -> None:
        self.wakes += 1
