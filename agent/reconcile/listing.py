"""Asks the drivers what they hold in this agent's name."""

import asyncio
from collections.abc import Iterable

import structlog

from agent.drivers.driver import Driver, DriverUnavailable, Found

log = structlog.get_logger()


async def list_found(drivers: Iterable[Driver], seconds: float) -> list[Found] | None:
    """What all of them hold; None when one does not answer: a part of the truth would look like an end."""
    found: list[Found] = []
    for driver in drivers:
        try:
            async with asyncio.timeout(seconds):
                found += await driver.find_all()
        except (DriverUnavailable, TimeoutError) as error:
            log.warning("runtime cannot be listed", driver=driver.name, error=str(error))
            return None
    return found
