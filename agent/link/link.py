"""The link home: dials, talks, and dials again. Everything else in the agent works whether it is up or not."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import grpc
import structlog

from agent.link.channel import dial_home
from agent.link.messages import Goodbye, Node
from agent.link.session import Session
from agent.silence import answer_to
from agent.state.identity import Identity
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LinkState:
    """`since` is unix seconds. `reason` says why there is no link; while there is one, `clock_skew_seconds` is how far
    this host is ahead of the control plane.
    """

    connected: bool
    since: float
    reason: str = ""
    clock_skew_seconds: float = 0.0


class Link:
    """`identity` is asked for at each dial, so a renewed certificate is used from the next session on."""

    def __init__(
        self,
        identity: Callable[[], Identity],
        node: Node,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        jitter: Callable[[], float],
        dial: Callable[[Identity], AbstractAsyncContextManager[grpc.aio.Channel]] = dial_home,
    ) -> None:
        self._dial = dial
        self._identity = identity
        self._node = node
        self._monotonic = monotonic
        self._wall = wall
        self._jitter = jitter
        self._session: Session | None = None
        self._last_epoch = 0
        self._ended = LinkState(False, wall(), "not dialled yet")
        self._connected_since = 0.0

    @property
    def epoch(self) -> int:
        """The newest epoch that was granted; 0 before the first session."""
        if self._session and self._session.epoch:
            self._last_epoch = self._session.epoch
        return self._last_epoch

    @property
    def state(self) -> LinkState:
        if self._session and self._session.epoch:
            return LinkState(True, self._connected_since, clock_skew_seconds=self._session.clock_skew_seconds)
        return self._ended

    def replica_changed(self, report: ReplicaReport) -> None:
        """Told at once when there is a session; the next Hello tells it otherwise."""
        if self._session:
            self._session.outbox.replica(report)

    def inventory_changed(self, inventory: Inventory) -> None:
        if self._session:
            self._session.outbox.inventory(inventory)

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            goodbye, welcomed = await self._one_session()
            failures = 1 if welcomed else failures + 1
            retry = answer_to(goodbye, failures, self._jitter())
            self._ended = LinkState(False, self._wall(), _reason(goodbye, retry.advice))
            say = log.warning if failures == 1 or retry.advice else log.debug
            say("no link", reason=goodbye.reason, message=goodbye.message, advice=retry.advice, failures=failures)
            await asyncio.sleep(retry.after_seconds)

    async def _one_session(self) -> tuple[Goodbye, bool]:
        identity = self._identity()
        session = Session(self._node, self._monotonic, self._wall)
        async with self._dial(identity) as channel:
            self._session = session
            self._connected_since = self._wall()
            try:
                goodbye = await session.run(channel)
            finally:
                self._last_epoch = self.epoch
                self._session = None
        return goodbye, session.epoch > 0


def _reason(goodbye: Goodbye, advice: str) -> str:
    return ": ".join(part for part in (goodbye.reason, goodbye.message, advice) if part)
