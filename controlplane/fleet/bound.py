"""How many replicas of a deployment may run, all nodes together."""

from collections.abc import Callable
from typing import Any

from controlplane.store.store import Record


def bound_of(deployment: Record, maximum: int, name_of: Callable[[str], str]) -> dict[str, Any]:
    """The form is homeport.schema.bound.Bound. `maximum` is what its spec allows."""
    found = deployment.status.get("placement", {})
    tracks = deployment.status.get("tracks", {}).values()
    maximum = max(maximum, sum(each["max"] for each in tracks))
    away = found.get("away", [])
    return {
        "replicas": maximum + sum(each["max_replicas"] for each in away),
        "away": [_share(each, name_of) for each in away],
        "unacked": [_share(each, name_of) for each in found.get("unacked", [])],
        "withheld": found.get("withheld", 0),
    }


def _share(found: dict[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    id = found["node_id"]
    return {"node_id": id, "node_name": name_of(id), "replicas": found["max_replicas"]}
