"""What stops when an object is deleted, in words. The server refuses what would orphan something."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def consequences(client: "Client", kind: str, object_id: str) -> list[str]:
    """Raises NOT_FOUND for a deployment or node that does not exist: better before the question than after it."""
    if kind == "deployment":
        client.deployments.get(object_id)
        return [_stops(client.replicas(deployment=object_id)), "Requests for it are answered with an error."]
    if kind == "node":
        node = client.nodes.get(object_id)
        lines = [f"Node {node.spec['name']} is turned away from then on; to come back its host needs a new join token."]
        placed = sorted({placement.spec["deployment_id"] for placement in client.placements(node=node.id)})
        if placed:
            lines.append(f"It serves {', '.join(placed)}: refused while it is connected, else placed on other nodes.")
        return lines
    if kind == "join_token":
        return ["A host that has not used it yet cannot join with it."]
    return ["Nothing running stops: while something depends on it, the server refuses."]


def _stops(replicas: list[dict[str, Any]]) -> str:
    if not replicas:
        return "Nothing is running."
    nodes = ", ".join(sorted({replica["node_name"] for replica in replicas}))
    return f"{_count(replicas)} on {nodes} will stop."


def _count(replicas: list[dict[str, Any]]) -> str:
    return f"{len(replicas)} replica{'' if len(replicas) == 1 else 's'}"
