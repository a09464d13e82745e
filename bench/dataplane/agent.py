"""The relay half of an agent, with one ready replica.

python -m bench.dataplane.agent CERTIFICATE_DIR TUNNEL_PORT UPSTREAM_PORT
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from bench.dataplane.parent import until_parent_ends
from homeport.freed_memory import keep_freed_memory
from homeport.http2.tls import client_tls
from homeport.logging import configure_logging


async def main(directory: Path, tunnel_port: int, upstream_port: int) -> None:
    configure_logging()
    keep_freed_memory()
    ca, key, certificate = ((directory / name).read_bytes() for name in ("bundle.pem", "node.key", "node.pem"))
    relay = Relay(time.monotonic)
    tunnels = Tunnels(relay, lambda: client_tls(key, certificate, ca), lambda: 1)
    relay.set_deployment(DeploymentRelay("bench", 1, 0, 1, 1, 1024, 60.0, 1024, 600.0, ""))
    relay.set_upstreams("bench", [Upstream("replica", "127.0.0.1", upstream_port)])
    tunnels.set_targets([f"127.0.0.1:{tunnel_port}"])
    print(json.dumps({}), flush=True)
    await until_parent_ends()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
