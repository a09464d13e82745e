"""Ports on loopback for replicas."""

import socket
from dataclasses import dataclass

from agent.drivers.driver import StartRefused
from homeport.core.workload import Workload

HOST = "127.0.0.1"
# A container listens on a port of its own, and is reached on any of the host's.
_CONTAINER_DRIVERS = frozenset({"docker"})


@dataclass(frozen=True, slots=True)
class Ports:
    """Of one replica; 0 = none, or none yet. Without a `grpc_port` gRPC is on `port`, too."""

    port: int = 0
    grpc_port: int = 0

    @property
    def known(self) -> tuple[int, ...]:
        return tuple(filter(None, (self.port, self.grpc_port)))


NO_PORTS = Ports()


def is_container(workload: Workload) -> bool:
    return workload.driver in _CONTAINER_DRIVERS


def fixed_ports(workload: Workload) -> Ports:
    """Those of the host that a replica must have, which only one can; 0 = any will do."""
    return NO_PORTS if is_container(workload) else Ports(workload.port, workload.grpc_port or 0)


def inside_ports(workload: Workload, outside: Ports) -> Ports:
    """Where it listens inside a container: on the ports that its image is made for, or on the numbers outside."""
    if not is_container(workload):
        return NO_PORTS
    return Ports(workload.port or outside.port, workload.grpc_port or outside.grpc_port)


def pick_ports(workload: Workload, in_use: frozenset[int]) -> Ports:
    """Those that it must have, and free ones else. Raises StartRefused when one is taken that it must have.

    `in_use` are the ports of other replicas, some of which may not listen yet.
    """
    fixed = fixed_ports(workload)
    port = _pick("port", fixed.port, in_use | {workload.grpc_port or 0})
    if workload.grpc_port is None:
        return Ports(port)
    return Ports(port, _pick("grpc_port", fixed.grpc_port, in_use | {port, workload.port}))


def _pick(field: str, wanted: int, in_use: frozenset[int]) -> int:
    if wanted:
        if wanted in in_use or not _is_free(wanted):
            free = f"write `{field}: 0` to get a free one"
            raise StartRefused(f"port {wanted} on {HOST} is in use on this host; {free}")
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
