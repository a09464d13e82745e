"""Whether a command beside the replica agrees."""

from agent.drivers.driver import Driver, DriverUnavailable, Handle, StartRefused

_LONGEST_LINE = 200


async def probe_exec(driver: Driver, handle: Handle, command: tuple[str, ...], timeout: float) -> str | None:
    """Empty when it ends with 0 within `timeout` seconds, else what was wrong. None = the runtime does not answer,
    which says nothing of the replica."""
    try:
        done = await driver.execute(handle, command, timeout)
    except TimeoutError:
        return f"{command[0]} took longer than {timeout:g} s"
    except StartRefused as error:
        return str(error)
    except DriverUnavailable:
        return None
    if done.code == 0:
        return ""
    lines = done.output.strip().splitlines()
    said = f": {lines[-1][:_LONGEST_LINE]}" if lines else ""
    return f"{command[0]} ended with {done.code}{said}"
