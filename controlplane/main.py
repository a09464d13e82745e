"""The `homeport-server` program: arguments, signals, exit codes."""

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

import uvloop

from controlplane import preflight
from controlplane.config import ServerConfig, parse_config
from controlplane.heap import loading, settle
from homeport.core.errors import HomeportError
from homeport.logging import configure_logging
from homeport.systemd import ServiceManager

if TYPE_CHECKING:
    from controlplane.gateway_host.host import GatewayHost
    from controlplane.server import Server


def main() -> None:
    """A control plane, or with --role gateway a gateway of one that is elsewhere.

    Exits with 0 after a signal, 1 with one line on stderr when it cannot start, 2 for a wrong command line.

    SIGTERM and SIGINT stop the gateway, too. SIGUSR1 hands over: the gateway goes on for the next control plane.
    """
    config = parse_config()
    configure_logging()
    try:
        if config.rotate_master_key:
            count = uvloop.run(_rotate_master_key(config))
            _announce({"event": "master key rotated", "secrets": str(count), "file": str(config.master_key_path)})
            return
        if config.role == "server":
            preflight.check(config)
        uvloop.run(_serve(config))
    except HomeportError as error:
        sys.exit(f"homeport-server: {error}")


async def _rotate_master_key(config: ServerConfig) -> int:
    from controlplane.secrets.rotation import rotate
    from controlplane.store.sql import SqlStore

    store = SqlStore(config.database_url)
    await store.open()
    try:
        return await rotate(store, config.master_key_path)
    finally:
        await store.close()


async def _serve(config: ServerConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    told: set[signal.Signals] = set()

    def told_to_stop(number: signal.Signals) -> None:
        told.add(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        loop.add_signal_handler(number, told_to_stop, number)
    with loading():
        server = _program(config)
    manager = ServiceManager()
    watchdog = asyncio.create_task(manager.keep_alive())
    try:
        addresses = await server.startup()
        settle()
        manager.ready()
        _announce({"event": "ready", **addresses})
        await server.run(stop)
    finally:
        manager.stopping()
        # What fails leaves the gateway as it is, like what is killed: whatever restarts this program wants it.
        # Signals that come together are heard in any order, so SIGUSR1 need not be the first.
        await server.shutdown(leave_gateway=not told or signal.SIGUSR1 in told)
        watchdog.cancel()


def _program(config: ServerConfig) -> "Server | GatewayHost":
    """Loaded after the preflight, which need not wait for it."""
    if config.role == "gateway":
        from controlplane.gateway_host.host import GatewayHost

        return GatewayHost(config)
    from controlplane.server import Server

    return Server(config)


def _announce(line: dict[str, str]) -> None:
    """For the program that started this one, on stdout."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
