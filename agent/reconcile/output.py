"""What a replica has printed, as far as a supervisor is concerned."""

from agent.drivers.driver import Driver, DriverError
from agent.replica_logs.failures import TAIL_BYTES

_TAIL_LINES = 1000
_LONGEST_LINE = 200


async def last_line(driver: Driver, replica_id: str) -> str:
    """Empty when there is none, or nobody can tell."""
    lines = (await _tail(driver, replica_id, 1)).decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:_LONGEST_LINE] if lines else ""


async def tail(driver: Driver, replica_id: str) -> bytes:
    return (await _tail(driver, replica_id, _TAIL_LINES))[-TAIL_BYTES:]


async def _tail(driver: Driver, replica_id: str, lines: int) -> bytes:
    output = b""
    try:
        async for chunk in driver.logs(replica_id, lines, follow=False):
            output = (output + chunk)[-TAIL_BYTES:]
    except (DriverError, OSError):
        pass
    return output
