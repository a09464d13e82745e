"""A gateway as the control plane runs it, with one deployment.

python -m bench.dataplane.gateway CERTIFICATE_DIR
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.dataplane.parent import until_parent_ends
from homeport.core.access.grants import Grant, Grants
from homeport.core.access.role import Role
from homeport.core.access.scope import ORGANISATION
from homeport.core.limits.limits import Limits
from homeport.core.node_identity import Refusal, Shown
from homeport.freed_memory import keep_freed_memory
from homeport.gateway.gateway import Gateway
from homeport.gateway.routing.routes import PolicyTable, RoutePolicy
from homeport.http2.tls import server_tls
from homeport.logging import configure_logging
from homeport.tunnel.server import TunnelServer

TOKEN = "hp1.bench.kD5bZ0m7y3uR2vW8xQ1sT6nJ4pL9aC0e"
_STORED = hashlib.sha256(TOKEN.encode()).hexdigest()


_GRANTS = Grants((Grant(Role.INVOKER, ORGANISATION),))


@dataclass(frozen=True, slots=True)
class BenchPrincipal:
    token_id: str = "bench"
    grants: Grants = _GRANTS
    models: frozenset[str] | None = None
    limits: Limits | None = None


PRINCIPAL = BenchPrincipal()


def check_token(token: str) -> BenchPrincipal | None:
    return PRINCIPAL if hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), _STORED) else None


class OpenDoor:
    """Everybody with a certificate may attach."""

    def refusal(self, shown: Shown, epoch: int) -> Refusal | None:
        return None

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        return None


async def main(directory: Path) -> None:
    configure_logging()
    keep_freed_memory()
    table = PolicyTable()
    table.put(RoutePolicy("bench", "bench-model", placements={"bench-node": (0, 1, 1)}, concurrency=1024))
    tunnels = TunnelServer(OpenDoor())
    gateway = Gateway(table, check_token, tunnels, time.monotonic)
    key, certificate, ca = ((directory / name).read_bytes() for name in ("server.key", "server.pem", "bundle.pem"))
    tunnel_port = await tunnels.start("127.0.0.1:0", server_tls(key, certificate, ca))
    port = await gateway.start("127.0.0.1", 0)
    print(json.dumps({"port": port, "tunnel_port": tunnel_port}), flush=True)
    await until_parent_ends()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
