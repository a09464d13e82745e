"""What the workers of a gateway on a host of its own tell the control plane, and hear from it, by way of their host."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.tellers import Say

# Told once: kept while the control plane is away. The rest workers tell again when it is back.
_KEPT = ("used", "denied", "wake")
_PASSING = ("counted", "lease_report")
_MOST_KEPT = 10_000
_SHOWN_SECONDS = 1.0
# A sign of life.
_SHOWN_AGAIN_SECONDS = 5.0


class Upstream:
    """`shown` gives the workers as the API shows them."""

    def __init__(self, feed: GatewayFeed, shown: Callable[[], list[dict[str, Any]]]) -> None:
        self._feed = feed
        self._shown = shown
        self._linked = False
        self._kept: deque[Mapping[str, Any]] = deque(maxlen=_MOST_KEPT)
        self._passing: deque[Mapping[str, Any]] = deque()
        self._some = asyncio.Event()
        for key in (*_KEPT, *_PASSING):
            feed.hearers[key] = self._hearer(key)
        feed.greetings.append(lambda _: {"linked": self._linked})
        feed.on_gone.append(self._ended)

    def heard(self, addressed: Any) -> None:
        """A learner: [worker id, message] of the control plane."""
        worker_id, message = addressed
        for worker in self._feed.workers:
            if worker.id == worker_id:
                worker.send(message)

    async def tell(self, say: Say) -> None:
        """A teller: while the control plane is there."""
        self._set_linked(True)
        try:
            while True:
                await self._some.wait()
                self._some.clear()
                for waiting in (self._kept, self._passing):
                    while waiting:
                        await say(waiting[0])
                        waiting.popleft()
        finally:
            self._passing.clear()
            self._set_linked(False)

    async def tell_shown(self, say: Say) -> None:
        """A teller."""
        told: list[dict[str, Any]] | None = None
        waited = 0.0
        while True:
            shown = self._shown()
            if shown != told or waited >= _SHOWN_AGAIN_SECONDS:
                await say({"workers": shown})
                told, waited = shown, 0.0
            await asyncio.sleep(_SHOWN_SECONDS)
            waited += _SHOWN_SECONDS

    def _set_linked(self, linked: bool) -> None:
        self._linked = linked
        self._some.set()
        self._feed.tell_all({"linked": linked})

    def _hearer(self, key: str) -> Callable[[FedWorker, Any], None]:
        def hear(worker: FedWorker, value: Any) -> None:
            waiting = self._kept if key in _KEPT else self._passing
            if self._linked or key in _KEPT:
                waiting.append({"worker": [worker.id, {key: value}]})
                self._some.set()

        return hear

    def _ended(self, worker: FedWorker) -> None:
        if self._linked:
            self._passing.append({"ended": worker.id})
            self._some.set()
