"""The link home: dials, talks, and dials again. Everything else in the agent works whether it is up or not."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import structlog

from agent.link.channel import dial_home
from agent.link.messages import Goodbye, Node
from agent.link.outbox import Outbox
from agent.link.session import Session
from agent.link.silence import answer_to
from agent.link.wire import denials_to_wire
from agent.state.identity import Identity
from homeport.core.errors import HomeportError
from homeport.core.history.entry import Page
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport

if TYPE_CHECKING:  # only an agent with a local gateway loads what a gateway is made of
    from homeport.gateway.callers.denial import Denial

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
    """`identity` is asked for at each dial, so a renewed certificate is used from the next session on. `expired` is
    called when the control plane says that it has."""

    def __init__(
        self,
        identity: Callable[[], Identity],
        node: Node,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        jitter: Callable[[], float],
        dial: Callable[[Identity], AbstractAsyncContextManager[grpc.aio.Channel]] = dial_home,
        expired: Callable[[], None] = lambda: None,
    ) -> None:
        self._dial = dial
        self._identity = identity
        self._node = node
        self._monotonic = monotonic
        self._wall = wall
        self._jitter = jitter
        self._expired = expired
        # One; two while a session takes over from another.
        self._talks: list[_Talk] = []
        self._redial = asyncio.Event()
        self._last_epoch = 0
        self._last_heard_at = 0.0
        self._ended = LinkState(False, wall(), "not dialled yet")

    @property
    def epoch(self) -> int:
        """The newest epoch that was granted; 0 before the first session."""
        return max([self._last_epoch, *(talk.session.epoch for talk in self._talks)])

    @property
    def heard_ago(self) -> float | None:
        """Seconds since the control plane was heard; None = never by this agent."""
        heard_at = self._heard_at
        return self._monotonic() - heard_at if heard_at else None

    @property
    def _heard_at(self) -> float:
        return max([self._last_heard_at, *(talk.session.heard_at for talk in self._talks)])

    @property
    def state(self) -> LinkState:
        for talk in self._talks:
            if talk.session.epoch:
                return LinkState(True, talk.since, clock_skew_seconds=talk.session.clock_skew_seconds)
        return self._ended

    def replica_changed(self, report: ReplicaReport) -> None:
        """Told at once when there is a session; the next Hello tells it otherwise."""
        for talk in self._talks:
            talk.session.outbox.replica(report)

    def inventory_changed(self, inventory: Inventory) -> None:
        for talk in self._talks:
            talk.session.outbox.inventory(inventory)

    def tell_history(self, page: Page) -> bool:
        """False when there is no session to tell it on; so it is with what follows."""
        outbox = self._outbox
        if outbox is not None:
            outbox.history(page)
        return outbox is not None

    def tell_leases(self, report_json: str) -> bool:
        outbox = self._outbox
        if outbox is not None:
            outbox.leases(report_json)
        return outbox is not None

    def tell_denials(self, denials: Sequence["Denial"]) -> bool:
        outbox = self._outbox
        if outbox is not None:
            outbox.denials(denials_to_wire(denials))
        return outbox is not None

    @property
    def _outbox(self) -> Outbox | None:
        """Of the newest session that is welcomed."""
        return next((talk.session.outbox for talk in reversed(self._talks) if talk.session.epoch), None)

    def redial(self) -> None:
        """There is a new certificate: a session with it takes over from the one that is open, or is begun at once."""
        self._redial.set()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        try:
            while True:
                goodbye, welcomed = await self._converse()
                failures = 1 if welcomed else failures + 1
                retry = answer_to(goodbye, failures, self._jitter())
                self._ended = LinkState(False, self._wall(), _reason(goodbye, retry.advice))
                say = log.warning if failures == 1 or retry.advice else log.debug
                say("no link", reason=goodbye.reason, message=goodbye.message, advice=retry.advice, failures=failures)
                if goodbye.stop_models:
                    await self._stop_models()
                if retry.recover:
                    self._expired()
                await self._pause(retry.after_seconds)
        finally:
            await _cancelled([talk.task for talk in self._talks])

    async def _converse(self) -> tuple[Goodbye, bool]:
        """Until no session is open any more: why, and whether the last one had been welcomed."""
        talk = self._begin()
        while not talk.task.done():
            redial = asyncio.create_task(self._redial.wait())
            await asyncio.wait({talk.task, redial}, return_when=asyncio.FIRST_COMPLETED)
            redial.cancel()
            if self._redial.is_set() and not talk.task.done():
                self._redial.clear()
                talk = await self._hand_over(talk)
        self._end(talk)
        return talk.task.result(), talk.session.epoch > 0

    async def _hand_over(self, talk: "_Talk") -> "_Talk":
        """The talk that goes on: the new one once it is welcomed, so that the node is never without."""
        new = self._begin()
        welcomed = asyncio.create_task(new.session.welcomed.wait())
        await asyncio.wait({new.task, welcomed}, return_when=asyncio.FIRST_COMPLETED)
        welcomed.cancel()
        over, goes_on = (talk, new) if new.session.epoch else (new, talk)
        await _cancelled([over.task])
        self._end(over)
        return goes_on

    def _begin(self) -> "_Talk":
        session = Session(self._node, self._monotonic, self._wall)
        talk = _Talk(session, asyncio.create_task(self._talk(session), name="session"), self._wall())
        self._talks.append(talk)
        return talk

    def _end(self, talk: "_Talk") -> None:
        self._last_epoch, self._last_heard_at = self.epoch, self._heard_at
        self._talks.remove(talk)

    async def _talk(self, session: Session) -> Goodbye:
        async with self._dial(self._identity()) as channel:
            return await session.run(channel)

    async def _stop_models(self) -> None:
        try:
            await self._node.stop_models()
        except HomeportError as error:
            log.error("models not stopped; tried again after the next dial", error=str(error))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._redial.wait()
        self._redial.clear()


@dataclass(eq=False, slots=True)
class _Talk:
    """A session that is being held or begun. `since` is unix seconds."""

    session: Session
    task: asyncio.Task[Goodbye]
    since: float


async def _cancelled(tasks: list[asyncio.Task[Goodbye]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _reason(goodbye: Goodbye, advice: str) -> str:
    return ": ".join(part for part in (goodbye.reason, goodbye.message, advice) if part)
