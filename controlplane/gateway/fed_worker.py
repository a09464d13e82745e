"""A gateway worker as the feed sees it."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

# A worker that does not read for this many messages is dropped; it comes back and gets everything anew.
_MOST_UNSENT = 100_000


@dataclass(eq=False, slots=True)
class FedWorker:
    """`hello` is what it said of itself when it connected: worker, pid, release, terms, tunnel_port, and whether it is
    listening (for nodes), serving (clients), retiring. `listener` is the descriptor here of the socket at which it
    takes clients in, `nodes` are those that have a tunnel to it."""

    hello: dict[str, Any]
    listener: int | None = None
    nodes: set[str] = field(default_factory=set)
    behind: bool = False
    outbox: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    @property
    def id(self) -> str:
        return str(self.hello["worker"])

    def note_nodes(self, come: list[str], gone: list[str]) -> None:
        self.nodes.update(come)
        self.nodes.difference_update(gone)

    def send(self, message: dict[str, Any]) -> None:
        self.send_line(line(message))

    def send_line(self, encoded: bytes) -> None:
        if self.outbox.qsize() >= _MOST_UNSENT:
            self.behind = True
        self.outbox.put_nowait(encoded)


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
