"""Who a gateway is towards the agents: a certificate of the internal CA that names its worker and nothing else."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from controlplane.auth.ca import CertificateAuthority, KeyPair

log = structlog.get_logger()

# Renewed at half of it: for so long may a control plane be away before agents cannot dial its gateway any more.
_LIFE = timedelta(days=30)
_LOOK_SECONDS = 600.0


class GatewayCertificate:
    """`on_change` hears of each newer pair."""

    def __init__(self, ca: CertificateAuthority, worker_id: str, now: datetime, life: timedelta = _LIFE) -> None:
        self.on_change: Callable[[KeyPair], None] | None = None
        self._ca = ca
        self._worker_id = worker_id
        self._life = life
        self.pair = self._issue(now)

    def look(self, now: datetime) -> None:
        if now < self._issued_at + self._life / 2:
            return
        self.pair = self._issue(now)
        log.info("gateway certificate renewed", worker=self._worker_id)
        if self.on_change is not None:
            self.on_change(self.pair)

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look(datetime.now(UTC))

    def _issue(self, now: datetime) -> KeyPair:
        self._issued_at = now
        return self._ca.issue_gateway(self._worker_id, self._life, now)
