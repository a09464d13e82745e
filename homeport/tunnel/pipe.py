"""A tunnel whose two ends are in one process: what one end says in a turn is heard by the other in the next."""

import asyncio
from functools import partial

from homeport.tunnel.link import Link


class Pipe:
    """`gateway` is for a gateway's listener, `agent` for a node's relay."""

    def __init__(self, node_id: str) -> None:
        self.gateway = Link(lambda: self._soon(self.gateway, self.agent), node_id)
        self.agent = Link(lambda: self._soon(self.agent, self.gateway))

    def close(self, reason: str) -> None:
        self.gateway.close(reason)
        self.agent.close(reason)

    def _soon(self, source: Link, sink: Link) -> None:
        asyncio.get_running_loop().call_soon(partial(self._pass, source, sink))

    def _pass(self, source: Link, sink: Link) -> None:
        while (message := source.outbox.take()) is not None:
            if not sink.closed:
                sink.feed(message, 0, len(message))
