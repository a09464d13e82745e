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
        self._seen: dict[str, Sighting] = {}

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
                await self._look_for_unknown()

    async def _look_for_unknown(self) -> None:
        found = await list_found(self._drivers.values(), _ANSWER_SECONDS)
        if found is None:
            return
        self._seen = sightings(found, self._replicas.ids(), self._seen, self._monotonic())
        for orphan in orphans(self._seen, self._monotonic()):
            await self._reap(orphan)
        records = [record_of(stray, self._desired().placements) for stray in strays(self._seen)]
        if records:
            log.warning("replicas found that nobody had noted", replicas=[record.replica_id for record in records])
            for answer in self._replicas.adopt(records):
                await answer

    async def _reap(self, orphan: Found) -> None:
        log.info("orphan removed", replica_id=orphan.labels.replica_id, driver=orphan.handle.driver)
        try:
            await self._drivers[orphan.handle.driver].destroy(orphan.labels.replica_id)
        except DriverError as error:
            log.warning("orphan not removed", replica_id=orphan.labels.replica_id, error=str(error))
