"""Ports to listen on that nobody takes before the program under test does."""

import itertools
import os
import socket

# Below those that the system gives to outgoing connections and to port 0.
_FIRST, _COUNT = 12_000, 20_000

# An abstract name is taken by one process of the machine, and free again when that ends.
_claims: list[socket.socket] = []
_candidates = itertools.count(os.getpid() * 37)


def free_ports(count: int) -> list[int]:
    """They belong to this process for as long as it lives: no other test run is given them."""
    found: list[int] = []
    while len(found) < count:
        port = _FIRST + next(_candidates) % _COUNT
        if _claim(port):
            found.append(port)
    return found


def _claim(port: int) -> bool:
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0homeport-test-port-{port}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True
