"""Ports on loopback for replicas."""

import socket

from agent.drivers.driver import StartRefused
from homeport.core.workload import Workload

HOST = "127.0.0.1"
# A container listens on a port of its own, and is reached on any of the host's.
_CONTAINER_DRIVERS = frozenset({"docker"})


def is_container(workload: Workload) -> bool:
    return workload.driver in _CONTAINER_DRIVERS


def fixed_port(workload: Workload) -> int:
    """The port of the host that a replica must have, which only one can; 0 = any will do."""
    return 0 if is_container(workload) else workload.port


def pick_port(wanted: int, in_use: frozenset[int]) -> int:
    """The wanted port, or a free one for 0. Raises StartRefused when the wanted one is taken.

    `in_use` are the ports of other replicas, some of which may not listen yet.
    """
    if wanted:
        if wanted in in_use or not _is_free(wanted):
            raise StartRefused(f"port {wanted} on {HOST} is in use on this host; leave `port` out to get a free one")
        return wanted
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in in_use:
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
