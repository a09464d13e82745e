"""Attaches to every gateway worker behind one target, again and again."""

import asyncio
import random
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from agent.backoff import backoff_seconds
from agent.relay.relay import Relay
from homeport.identity import GATEWAY_NAME, SITE_GATEWAY_NAME
from homeport.tunnel.client import Attachment, attach
from homeport.tunnel.errors import AttachError, DuplicateError

log = structlog.get_logger()

_ATTACH_SECONDS = 10.0
_FIRST_BACKOFF = 0.2
_LONGEST_BACKOFF = 5.0
# Workers share a port, and the system chooses: of four the last one takes four dials on average, and one time
# in a hundred 16. So the first tries follow each other at once; a balancer that never gets there is not run down.
_DUPLICATE_BACKOFF = 0.05
_DUPLICATES_A_STEP = 6
# A request that the gateway had sent before it heard the GOAWAY is here by then.
_LAST_OPEN_SECONDS = 2.0
_RETIRE_LOOK_SECONDS = 0.1


class Dialer:
    """The first answer tells which workers there are; it dials until each has a tunnel and hangs up on duplicates."""

    def __init__(
        self,
        target: str,
        relay: Relay,
        tls: Callable[[], ssl.SSLContext],
        epoch: Callable[[], int],
        site_node: str = "",
        on_answered: Callable[[str, str, int], None] | None = None,
    ) -> None:
        """`site_node`: it is the local gateway on that node, whose answered requests `on_answered` hears of."""
        self._target = target
        self._site_node = site_node
        self._on_answered = on_answered
        self._relay = relay
        self._tls = tls
        self._epoch = epoch
        self._workers: frozenset[str] = frozenset()
        self._live: dict[str, Attachment] = {}
        # Workers whose tunnel stands on a certificate that there is a newer one of.
        self._outdated: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._news = asyncio.Event()
        self._failures = self._duplicates = 0
        self._renewals = 0

    @property
    def _kind(self) -> str:
        return SITE_GATEWAY_NAME if self._site_node else GATEWAY_NAME

    def look(self) -> None:
        """Something has changed: think again whether to dial."""
        self._look.set()

    def renew(self) -> None:
        self._renewals += 1
        self._outdated.update(self._live)
        self._look.set()

    async def run(self) -> None:
        """Until cancelled; the tunnels end with it."""
        try:
            while True:
                await self._until_wanted()
                if await self._back_off():
                    await self._dial()
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_wanted(self) -> None:
        while not self._relay.needed or (self._workers and self._workers <= self._live.keys() - self._outdated):
            self._look.clear()
            await self._look.wait()

    async def _back_off(self) -> bool:
        """False when workers have come or gone meanwhile: it may have got all that there are."""
        jitter, wait = random.random(), 0.0
        if self._failures:
            wait = backoff_seconds(self._failures, _FIRST_BACKOFF, _LONGEST_BACKOFF, jitter)
        elif self._duplicates:
            step = 1 + self._duplicates // _DUPLICATES_A_STEP
            wait = backoff_seconds(step, _DUPLICATE_BACKOFF, _LONGEST_BACKOFF, jitter)
        if not wait:
            return True
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), wait)
        except TimeoutError:
            return True
        return False

    async def _dial(self) -> None:
        renewals = self._renewals
        try:
            async with asyncio.timeout(_ATTACH_SECONDS):
                known = self._live.keys() - self._outdated
                attachment = await attach(self._target, self._tls(), self._epoch(), known, self._kind)
                if self._site_node and attachment.worker_id != self._site_node:
                    attachment.hang_up()
                    raise AttachError(f"the local gateway of node {attachment.worker_id} answers there")
        except DuplicateError:
            self._duplicates += 1
            return
        except (AttachError, OSError) as error:
            self._failures += 1
            reason = str(error) or "no answer"
            log.warning("cannot attach a tunnel", target=self._target, reason=reason, failures=self._failures)
            return
        worker = attachment.worker_id
        self._failures = self._duplicates = 0
        self._workers = attachment.worker_ids
        attachment.on_workers = self._set_workers
        before = self._live.get(worker)
        self._outdated.discard(worker)
        self._live[worker] = attachment
        if renewals != self._renewals:
            self._outdated.add(worker)  # while it was dialled
        self._begin(self._serve(attachment), "tunnel")
        if before is not None:
            self._begin(_retire(before), "old tunnel")

    def _set_workers(self, worker_ids: frozenset[str]) -> None:
        """Workers have come or gone."""
        if worker_ids != self._workers:
            self._workers = worker_ids
            self._duplicates = 0
            self._look.set()
            self._news.set()

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, attachment: Attachment) -> None:
        relay, worker = self._relay, attachment.worker_id
        attachment.link.on_answered = self._on_answered
        relay.add_link(attachment.link)
        log.info("tunnel attached", target=self._target, worker=worker)
        reason = "stopped here"
        try:
            reason = await attachment.run()
        finally:
            relay.remove_link(attachment.link)
            if self._live.get(worker) is attachment:
                del self._live[worker]
                self._outdated.discard(worker)
                self._failures = max(self._failures, 1)
            self._look.set()
            log.info("tunnel ended", target=self._target, worker=worker, reason=reason)


async def _retire(attachment: Attachment) -> None:
    """The gateway sends what is new through another tunnel; what is on its way here and in flight finishes."""
    attachment.link.send_go_away()
    await asyncio.sleep(_LAST_OPEN_SECONDS)
    while attachment.link.streams and not attachment.link.closed:  # noqa: ASYNC110 - rare, and nobody waits for it
        await asyncio.sleep(_RETIRE_LOOK_SECONDS)
    attachment.hang_up()
