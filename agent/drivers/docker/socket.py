"""Where the container engine listens."""

import os
from collections.abc import Mapping

from agent.policy import HostPolicy

USUAL_PLACES = ("/var/run/docker.sock", "/run/podman/podman.sock")


def socket_path(policy: HostPolicy, environ: Mapping[str, str] = os.environ) -> str | None:
    """The policy's, $DOCKER_HOST's, or the first of the usual places that exists."""
    named = policy.engine_socket or environ.get("DOCKER_HOST", "").removeprefix("unix://")
    return named or next((place for place in USUAL_PLACES if os.path.exists(place)), None)
