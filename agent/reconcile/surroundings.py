"""What every replica of this node needs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.drivers.driver import Driver, StartRefused
from agent.replica_logs.failures import Failures
from agent.secrets.replica_secrets import ReplicaSecrets
from agent.state.journal import ReplicaJournal, ReplicaRecord
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.refusal import Refusal

if TYPE_CHECKING:
    from agent.reconcile.replica import Replica

# A hundred replicas that start at once would make each of them late.
_STARTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`monotonic` and `wall` are clocks, `jitter` a random number in [0, 1)."""

    drivers: Mapping[str, Driver]
    journal: ReplicaJournal
    failures: Failures
    ports_in_use: Callable[[], frozenset[int]]
    # Called after each change of status.
    changed: Callable[["Replica"], None]
    # Ends when no request is in flight on the replica any more.
    drained: Callable[["Replica"], Awaitable[None]]
    # Opens what a replica that is about to start is given. Raises SecretsMissing.
    secrets: Callable[["Replica"], Awaitable[ReplicaSecrets]]
    monotonic: Callable[[], float]
    wall: Callable[[], float]
    jitter: Callable[[], float]
    # Why one that is about to start can't; None when it can.
    admit: Callable[[ReplicaRecord], Awaitable[Refusal | None]]
    # What a start of a deployment that is ordered now has behind it.
    waited: Callable[[str], StartParts]
    # Called with each start once its outcome is known.
    started: Callable[["Replica", ColdStart], None]
    starting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STARTS_AT_ONCE))

    def driver(self, name: str) -> Driver:
        """Raises StartRefused when the host does not allow it."""
        driver = self.drivers.get(name)
        if driver is None:
            raise StartRefused("its driver is not enabled on this host; start the agent with --allow-driver")
        return driver
