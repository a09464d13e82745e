"""What a node of the bench serves: the agent's relay and tunnels, before one model server that all nodes share."""

import asyncio
import ssl
from collections.abc import Iterable

from homeport_proto.v1 import session_pb2 as pb

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels


class DrivenTunnel:
    """Every placement has one ready replica at once, at `upstream_port`."""

    def __init__(self, tls: ssl.SSLContext, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._epoch = 0
        self._relay = Relay(asyncio.get_running_loop().time)
        self._tunnels = Tunnels(self._relay, lambda: tls, lambda: self._epoch)

    @property
    def attached(self) -> bool:
        return self._relay.attached

    @property
    def in_flight(self) -> int:
        return self._relay.in_flight

    def welcomed(self, epoch: int, targets: Iterable[str]) -> None:
        """By its session; an empty host is that of the session."""
        self._epoch = epoch
        self._tunnels.set_targets([f"127.0.0.1{target}" if target.startswith(":") else target for target in targets])

    def placed(self, placements: Iterable[pb.Placement]) -> None:
        for placement in placements:
            terms = DeploymentRelay(
                deployment_id=placement.deployment_id,
                revision=placement.revision,
                rank=placement.rank,
                min_replicas=placement.min_replicas,
                max_replicas=placement.max_replicas,
                concurrency=1,
                hold_seconds=60.0,
                hold_limit=1024,
                request_timeout_seconds=0.0,
                served_model_name="",
            )
            self._relay.set_deployment(terms)
            upstream = Upstream(placement.placement_id, "127.0.0.1", self._upstream_port)
            self._relay.set_upstreams(placement.deployment_id, [upstream])
