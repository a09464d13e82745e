"""Names of the host."""

import platform
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    hostname: str
    architecture: str
    operating_system: str


def probe_host() -> Host:
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = f"{platform.system()} {platform.release()}"
    return Host(socket.gethostname(), platform.machine(), system)
