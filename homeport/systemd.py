"""What systemd wants to hear from a service of Type=notify: sd_notify(3). Without systemd all of it does nothing."""

import asyncio
import os
import socket
from collections.abc import Mapping

# Three chances within each watchdog period; without a watchdog there is nothing to do.
_PER_PERIOD = 3
_NEVER_SECONDS = 86_400.0


class ServiceManager:
    """Of the environment that this program was started with. Its variables are for this process alone: whoever starts
    children must not hand them on.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._socket = environ.get("NOTIFY_SOCKET", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog_seconds = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if ours else 0.0

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Feeds the watchdog until cancelled. It runs on the event loop, so a loop that hangs is not reported well."""
        interval = self._watchdog_seconds / _PER_PERIOD
        while True:
            if interval:
                self._tell("WATCHDOG=1")
            await asyncio.sleep(interval or _NEVER_SECONDS)

    def _tell(self, what: str) -> None:
        """A service manager that cannot be told is no reason to fail: it draws its own conclusions."""
        if not self._socket:
            return
        address = "\0" + self._socket[1:] if self._socket.startswith("@") else self._socket
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.setblocking(False)
            try:
                connection.sendto(what.encode(), address)
            except OSError:
                return
