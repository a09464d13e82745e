"""Housekeeping beside the reconcile loop: logs, kept failures, and what runs or lies about without being known."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from agent.drivers.driver import Driver, DriverError, Found
from agent.placement import DesiredState
from agent.reconcile.adoption import record_of
from agent.reconcile.apply import Replicas
from agent.reconcile.listing import list_found
from agent.reconcile.orphans import Sighting, orphans, sightings, strays
from agent.replica_logs.failures import Failures

log = structlog.get_logger()

_TEND_SECONDS = 10.0
_LISTING_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


class Upkeep:
    def __init__(
        self,
        drivers: Mapping[str, Driver],
        replicas: Replicas,
        failures: Failures,
        desired: Callable[[], DesiredState],
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._drivers = drivers
        self._replicas = replicas
        self._failures = failures
        self._desired = desired
        self._monotonic = monotonic
        self._wall = wall
        self._seen: dict[str, dict[str, Sighting]] = {name: {} for name in drivers}

    async def run(self) -> None:
        """Until cancelled."""
        list_at = self._monotonic() + _LISTING_SECONDS
        while True:
            await asyncio.sleep(_TEND_SECONDS)
            for driver in self._drivers.values():
                await driver.tend()
            if self._monotonic() >= list_at:
                list_at = self._monotonic() + _LISTING_SECONDS
                self._failures.tidy(self._replicas.ids(), self._wall())
                for driver in self._drivers.values():
                    await self._look_for_unknown(driver)

    async def _look_for_unknown(self, driver: Driver) -> None:
        found = await list_found(driver, _ANSWER_SECONDS)
        if found is None:
            return
        now = self._monotonic()
        seen = self._seen[driver.name] = sightings(found, self._replicas.ids(), self._seen[driver.name], now)
        for orphan in orphans(seen, now):
            await self._reap(driver, orphan)
        records = [record_of(stray, self._desired().placements) for stray in strays(seen)]
        if records:
            log.warning("replicas found that nobody had noted", replicas=[record.replica_id for record in records])
            for answer in self._replicas.adopt(records):
                await answer

    async def _reap(self, driver: Driver, orphan: Found) -> None:
        log.info("orphan removed", replica_id=orphan.labels.replica_id, driver=driver.name)
        try:
            await driver.destroy(orphan.labels.replica_id)
        except DriverError as error:
            log.warning("orphan not removed", replica_id=orphan.labels.replica_id, error=str(error))
