"""Replicas to start, of the one image that there is."""

from agent.drivers.driver import Labels, StartRequest
from tests.engine import IMAGE
from tests.ports import free_ports


def request(replica_id: str, *command: str, container_port: int = 0, memory_bytes: int = 0) -> StartRequest:
    """On a port that is free."""
    [port] = free_ports(1)
    labels = Labels(replica_id, "chat", "p-1", 1, "sha256:1", 0)
    return StartRequest(labels, command, {}, "", IMAGE, "127.0.0.1", port, container_port, memory_bytes=memory_bytes)
