"""What `homeport-agent status` shows."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homeport import __version__
from homeport.core import canonical
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport

if TYPE_CHECKING:  # asking for a status needs no gRPC
    from agent.link.link import Link
    from agent.placement import DesiredState
    from agent.state.identity import Identity
    from agent.state.site_gateways import SiteGateway


def status(
    identity: "Identity",
    link: "Link",
    gateways: Sequence[str],
    desired: "DesiredState",
    replicas: Sequence[ReplicaReport],
    inventory: Inventory,
    uptime_seconds: float,
    notes: Sequence[str],
    untold: int,
    unwritten: int,
    local_gateway: dict[str, Any] | None = None,
    site_gateways: "Sequence[SiteGateway]" = (),
) -> dict[str, Any]:
    """Plain values, ready for JSON. `untold`: entries of history on the disk that the control plane does not
    have; `unwritten`: those that are not on the disk."""
    return {
        "node_id": identity.node_id,
        "cluster": identity.cluster_id,
        "nodepool": identity.nodepool_id,
        "version": __version__,
        "pid": os.getpid(),
        "uptime_seconds": round(uptime_seconds, 1),
        "link": {
            "target": identity.session_target,
            "connected": link.state.connected,
            "since": link.state.since,
            "reason": link.state.reason,
            "epoch": link.epoch,
            "clock_skew_seconds": round(link.state.clock_skew_seconds, 3),
            "gateways": list(gateways),
        },
        "notes": list(notes),
        "history": {"untold": untold, "unwritten": unwritten},
        "local_gateway": local_gateway,
        "site_gateways": [{"node_id": each.node_id, "target": each.target} for each in site_gateways],
        "desired": canonical.to_plain(desired.version),
        "replicas": canonical.to_plain(list(replicas)),
        "inventory": canonical.to_plain(inventory),
    }


def render(answer: dict[str, Any]) -> str:
    """The same for people."""
    link = answer["link"]
    since = datetime.fromtimestamp(link["since"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    state = f"connected since {since}" if link["connected"] else f"not connected since {since}: {link['reason']}"
    drivers = ", ".join(answer["inventory"]["drivers"])
    lines = [
        f"node      {answer['node_id']} in {answer['cluster']}/{answer['nodepool']}",
        f"agent     {answer['version']}, process {answer['pid']}, up {answer['uptime_seconds']:.0f} s",
        f"link      {link['target']}: {state}",
        f"drivers   {drivers or 'none; allow some in the policy file, /etc/homeport/agent.toml'}",
    ]
    if answer["local_gateway"]:
        lines += _gateway_lines(answer["local_gateway"])
    if answer["history"]["untold"]:
        lines.append(f"untold    {answer['history']['untold']} entries of history, until the control plane has them")
    lines += [f"note      {note}" for note in answer["notes"]]
    lines += [f"problem   {problem}" for problem in answer["inventory"]["problems"]]
    lines.append(f"replicas  {len(answer['replicas'])}")
    for replica in answer["replicas"]:
        reason = f"  {replica['reason']}" if replica["reason"] else ""
        lines.append(
            f"  {replica['replica_id'][:8]}  {replica['deployment_id']} r{replica['revision']}  {replica['status']}"
            f"  {replica['restarts']} restarts{reason}"
        )
    return "\n".join(lines)


def _gateway_lines(gateway: dict[str, Any]) -> list[str]:
    left = gateway["tokens_accepted_seconds"]
    accepted = f"access tokens for {left / 86_400:.1f} days more without the control plane" if left else "no tokens yet"
    return [
        f"gateway   {gateway['url']} for clients, {gateway['tunnels']} for the agents of this site",
        f"          {gateway['deployments']} deployments, {gateway['tokens']} tokens, {gateway['nodes']} nodes; "
        + ("access tokens are no longer accepted" if not left and gateway["tokens"] else accepted),
        *(f"problem   {problem}" for problem in gateway["problems"]),
    ]
