"""Asks a driver what it holds in this agent's name."""

import asyncio

import structlog

from agent.drivers.driver import Driver, DriverUnavailable, Found

log = structlog.get_logger()


async def list_found(driver: Driver, seconds: float) -> list[Found] | None:
    """None when its runtime does not answer."""
    try:
        async with asyncio.timeout(seconds):
            return await driver.find_all()
    except (DriverUnavailable, TimeoutError) as error:
        log.warning("runtime cannot be listed", driver=driver.name, error=str(error))
        return None
