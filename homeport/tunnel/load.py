"""The payload of LOAD: what a node has ready, and how busy it is. This is presence: no LOAD, no traffic."""

import json
from dataclasses import dataclass

from homeport.tunnel.errors import TunnelProtocolError


@dataclass(frozen=True, slots=True)
class DeploymentLoad:
    """`ready`: replica ids that take requests. `capacity`: requests that these take at once."""

    deployment_id: str
    revision: int
    ready: tuple[str, ...]
    in_flight: int
    queued: int
    capacity: int


def pack_load(loads: list[DeploymentLoad]) -> bytes:
    """All deployments that the node holds; what is not listed is not there."""
    items = [
        {
            "deployment": load.deployment_id,
            "revision": load.revision,
            "ready": load.ready,
            "in_flight": load.in_flight,
            "queued": load.queued,
            "capacity": load.capacity,
        }
        for load in loads
    ]
    return json.dumps({"deployments": items}, separators=(",", ":")).encode()


def unpack_load(payload: bytes) -> list[DeploymentLoad]:
    """Unknown keys are ignored. Raises TunnelProtocolError."""
    try:
        return [
            DeploymentLoad(
                str(item["deployment"]),
                int(item["revision"]),
                tuple(item["ready"]),
                int(item["in_flight"]),
                int(item["queued"]),
                int(item["capacity"]),
            )
            for item in json.loads(payload)["deployments"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise TunnelProtocolError(f"a LOAD is malformed: {error!r}") from error
