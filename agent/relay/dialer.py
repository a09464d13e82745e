"""Attaches to every gateway worker behind one target, again and again."""

import asyncio
import random
import ssl
from collections.abc import Callable

import structlog

from agent.backoff import backoff_seconds
from agent.relay.relay import Relay
from homeport.tunnel.client import Attachment, attach
from homeport.tunnel.errors import AttachError

log = structlog.get_logger()

_ATTACH_SECONDS = 10.0
_FIRST_BACKOFF = 0.2
_LONGEST_BACKOFF = 5.0


class Dialer:
    """The first answer tells which workers there are; it dials until each has a tunnel and hangs up on duplicates."""

    def __init__(
        self,
        target: str,
        relay: Relay,
        tls: Callable[[], ssl.SSLContext],
        epoch: Callable[[], int],
    ) -> None:
        self._target = target
        self._relay = relay
        self._tls = tls
        self._epoch = epoch
        self._workers: frozenset[str] = frozenset()
        self._live: dict[str, asyncio.Task[None]] = {}
        self._look = asyncio.Event()
        self._failures = 0

    def look(self) -> None:
        """Something has changed: think again whether to dial."""
        self._look.set()

    async def run(self) -> None:
        """Until cancelled; the tunnels end with it."""
        try:
            while True:
                await self._until_wanted()
                if self._failures:
                    await asyncio.sleep(
                        backoff_seconds(self._failures, _FIRST_BACKOFF, _LONGEST_BACKOFF, random.random())
                    )
                await self._dial()
        finally:
            tasks = list(self._live.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_wanted(self) -> None:
        while not self._relay.needed or (self._workers and self._workers <= self._live.keys()):
            self._look.clear()
            await self._look.wait()

    async def _dial(self) -> None:
        try:
            async with asyncio.timeout(_ATTACH_SECONDS):
                attachment = await attach(self._target, self._tls(), self._epoch())
        except (AttachError, OSError) as error:
            self._failures += 1
            reason = str(error) or "no answer"
            log.warning("cannot attach a tunnel", target=self._target, reason=reason, failures=self._failures)
            return
        if attachment.worker_id in self._live:
            self._failures += 1
            attachment.hang_up()
            return
        self._failures = 0
        self._workers = attachment.worker_ids
        self._live[attachment.worker_id] = asyncio.create_task(self._serve(attachment), name="tunnel")

    async def _serve(self, attachment: Attachment) -> None:
        relay, worker = self._relay, attachment.worker_id
        relay.add_link(attachment.link)
        log.info("tunnel attached", target=self._target, worker=worker)
        reason = "stopped here"
        try:
            reason = await attachment.run()
        finally:
            relay.remove_link(attachment.link)
            self._live.pop(worker, None)
            self._failures = max(self._failures, 1)
            self._look.set()
            log.info("tunnel ended", target=self._target, worker=worker, reason=reason)
