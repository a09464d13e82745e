"""What the gateway itself answers of the Open Inference Protocol v2: for all models together."""

import json
from collections.abc import Callable

from homeport import __version__
from homeport.gateway.routing.routes import PolicyTable, RoutePolicy, Sees


def server_metadata() -> bytes:
    return json.dumps({"name": "homeport", "version": __version__, "extensions": ["model_repository"]}).encode()


def repository_index(table: PolicyTable, sees: Sees, is_ready: Callable[[str], bool]) -> bytes:
    """Of what is seen. One that is not ready may still be asked: it starts then, where it may."""
    items = [
        {"name": policy.deployment_id, "version": "", "state": _state(policy, is_ready), "reason": ""}
        for policy in sorted(filter(sees, table), key=lambda policy: policy.deployment_id)
    ]
    return json.dumps(items).encode()


def _state(policy: RoutePolicy, is_ready: Callable[[str], bool]) -> str:
    tracks = policy.deployment_id, *(each.track for each in policy.revisions)
    return "READY" if any(map(is_ready, tracks)) else "UNAVAILABLE"
