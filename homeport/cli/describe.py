"""One object in full, for people."""

import time
from typing import TYPE_CHECKING, Any

from homeport.cli.bound import bound_lines
from homeport.cli.columns import COLUMNS, with_reason
from homeport.cli.deployment_split import traffic_lines
from homeport.cli.output import print_table
from homeport.cli.text import duration
from homeport.cli.token_limits import print_usage

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client


def describe(client: "Client", resource: "Resource") -> None:
    for header, value in COLUMNS[resource.kind]:
        print(f"{header.capitalize() + ':':<20}{value(resource)}")
    print(f"{'Generation:':<20}{resource.generation}")
    print("\nSpec:")
    found = leaves(resource.spec)
    width = max((len(path) for path, _ in found), default=0) + 2
    for path, text in found:
        print(f"  {path:<{width}}{text}")
    if resource.kind == "deployment":
        _describe_deployment(client, resource)
    if resource.status.get("usage"):
        print("\nUsage:")
        print_usage(resource.status["usage"])


def leaves(plain: Any, path: str = "") -> list[tuple[str, str]]:
    """(dotted path, value) of every set leaf; lists of plain values stay on one line."""
    if isinstance(plain, dict):
        return [leaf for key, value in plain.items() for leaf in leaves(value, f"{path}.{key}" if path else key)]
    if isinstance(plain, list) and any(isinstance(item, dict | list) for item in plain):
        return [leaf for index, item in enumerate(plain) for leaf in leaves(item, f"{path}[{index}]")]
    if plain in (None, "", []):
        return []
    return [(path, " ".join(map(str, plain)) if isinstance(plain, list) else str(plain))]


def _describe_deployment(client: "Client", resource: "Resource") -> None:
    status = resource.status
    print(f"\nURL: {status.get('url', '-')}")
    print(f"Scaling: {_scaling(resource)}")
    divided = status.get("traffic_split", [])
    if len(divided) > 1:
        print("Requests:")
        print("\n".join(f"  {line}" for line in traffic_lines(divided)))
    print("\nPlacements:")
    placements = [
        [p["node_name"], f"r{p['revision']}", str(p["rank"]), f"{p['min']}..{p['max']}", str(p.get("status", "-"))]
        for p in status.get("placements", [])
    ]
    print_table(["NODE", "REVISION", "RANK", "REPLICAS", "STATUS"], placements, indent=2)
    for line in bound_lines(status.get("bound", {})):
        print(f"  {line}")
    print("\nReplicas:")
    print_table(REPLICA_HEADERS, replica_rows(client.replicas(deployment=resource.id)), indent=2)
    rejections = status.get("rejections", [])
    if rejections:
        print("\nNodes that take no (more) replica:")
        rows = [[r["node_name"], r["filter"], str(r["need"]), str(r["have"])] for r in rejections]
        print_table(["NODE", "BECAUSE OF", "NEEDS", "HAS"], rows, indent=2)


def _scaling(resource: "Resource") -> str:
    scaling = resource.spec.get("autoscale_config", {})
    low, high, fixed = (scaling.get(name) for name in ("min_replicas", "max_replicas", "replicas"))
    if fixed is None:
        return f"by traffic, {low} to {high} replicas"
    return f"fixed at {fixed} ({low} to {high} with `homeport scale {resource.id} --auto`)"


REPLICA_HEADERS = ["REPLICA", "NODE", "REVISION", "STATUS", "SINCE", "RESTARTS"]


def replica_rows(replicas: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            replica["id"][:8],
            replica["node_name"],
            f"r{replica['revision']}",
            with_reason(replica["status"], replica.get("reason", "")),
            duration(time.time() - replica["since"]) if replica.get("since") else "-",
            str(replica.get("restarts", 0)),
        ]
        for replica in replicas
    ]
