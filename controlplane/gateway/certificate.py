"""Who gateways are towards the agents: certificates of the internal CA, each naming one worker and nothing else."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from controlplane.auth.ca import CertificateAuthority, KeyPair

log = structlog.get_logger()

# Renewed at half of it: for so long may a control plane be away before agents cannot dial its gateways any more.
_LIFE = timedelta(days=30)
_LOOK_SECONDS = 600.0


class GatewayCertificates:
    """`on_change` hears of a worker's newer pair."""

    def __init__(
        self, ca: CertificateAuthority, now: Callable[[], datetime] | None = None, life: timedelta = _LIFE
    ) -> None:
        self.on_change: Callable[[str, KeyPair], None] | None = None
        self.bundle = ca.bundle
        self._ca = ca
        self._now = now or (lambda: datetime.now(UTC))
        self._life = life
        self._issued: dict[str, tuple[KeyPair, datetime]] = {}

    def pair(self, worker_id: str) -> KeyPair:
        if worker_id not in self._issued:
            self._issue(worker_id)
        return self._issued[worker_id][0]

    def look(self) -> None:
        for worker_id, (_, issued_at) in list(self._issued.items()):
            if self._now() < issued_at + self._life / 2:
                continue
            self._issue(worker_id)
            log.info("gateway certificate renewed", worker=worker_id)
            if self.on_change is not None:
                self.on_change(worker_id, self.pair(worker_id))

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def _issue(self, worker_id: str) -> None:
        now = self._now()
        self._issued[worker_id] = self._ca.issue_gateway(worker_id, self._life, now), now
