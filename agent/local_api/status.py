"""What `homeport-agent status` shows."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from agent.local_api.facts import AgentFacts
from homeport import __version__
from homeport.core import canonical
from homeport.core.rollout.track import deployment_of


def status(facts: AgentFacts) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    identity, link = facts.identity, facts.link
    return {
        "node_id": identity.node_id,
        "cluster": identity.cluster_id,
        "nodepool": identity.nodepool_id,
        "version": __version__,
        "pid": os.getpid(),
        "uptime_seconds": round(facts.uptime_seconds, 1),
        "link": {
            "target": identity.session_target,
            "connected": link.connected,
            "since": link.since,
            "reason": link.reason,
            "epoch": facts.epoch,
            "clock_skew_seconds": round(link.clock_skew_seconds, 3),
            "gateways": list(facts.gateways),
            "tunnels": facts.tunnels,
        },
        "notes": list(facts.notes),
        "history": {"untold": facts.untold, "unwritten": facts.unwritten},
        "local_gateway": facts.local_gateway,
        "site_gateways": [{"node_id": each.node_id, "target": each.target} for each in facts.site_gateways],
        "desired": canonical.to_plain(facts.desired.version),
        "replicas": canonical.to_plain(list(facts.replicas)),
        "refused": canonical.to_plain(list(facts.refused)),
        "traffic": {
            deployment_id: {
                "in_flight": demand.in_flight,
                "queued": demand.queued,
                "arrivals": demand.arrivals,
                "ejections": sum(n for (id, _), n in facts.ejections.items() if id == deployment_of(deployment_id)),
                "failed_health_checks": facts.failed_checks.get(deployment_of(deployment_id), 0),
            }
            for deployment_id, demand in facts.demands.items()
        },
        "inventory": canonical.to_plain(facts.inventory),
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
    lines += _gpu_lines(answer["inventory"]["gpus"])
    lines += [f"note      {note}" for note in answer["notes"]]
    lines += [f"problem   {problem}" for problem in answer["inventory"]["problems"]]
    lines += _traffic_lines(answer["traffic"])
    lines += [
        f"refused   {each['deployment_id']}: {each['code']}: needs {each['need']}, has {each['have']}"
        for each in answer["refused"]
    ]
    lines.append(f"replicas  {len(answer['replicas'])}")
    for replica in answer["replicas"]:
        reason = f"  {replica['reason']}" if replica["reason"] else ""
        lines.append(
            f"  {replica['replica_id'][:8]}  {replica['deployment_id']} r{replica['revision']}  {replica['status']}"
            f"  {replica['restarts']} restarts{reason}"
        )
    return "\n".join(lines)


def _gpu_lines(gpus: Iterable[dict[str, Any]]) -> list[str]:
    lines = []
    for gpu in gpus:
        health = (gpu["quarantine"] and f"in quarantine: {gpu['quarantine']}") or gpu["problem"] or "well"
        used, whole = gpu["memory_used_bytes"] / 2**30, gpu["memory_bytes"] / 2**30
        lines.append(f"gpu       {gpu['uuid']} {gpu['name']}, {used:.1f} of {whole:.1f} GiB used, {health}")
    return lines


def _traffic_lines(traffic: dict[str, dict[str, int]]) -> list[str]:
    lines = []
    for deployment_id, figures in sorted(traffic.items()):
        faults = figures["ejections"], figures["failed_health_checks"]
        ill = f"; replicas out {faults[0]} times, {faults[1]} failed health checks" if any(faults) else ""
        lines.append(
            f"traffic   {deployment_id}: {figures['in_flight']} in flight, {figures['queued']} waiting, "
            f"{figures['arrivals']} since the start{ill}"
        )
    return lines


def _gateway_lines(gateway: dict[str, Any]) -> list[str]:
    left = gateway["tokens_accepted_seconds"]
    accepted = f"access tokens for {left / 86_400:.1f} days more without the control plane" if left else "no tokens yet"
    return [
        f"gateway   {gateway['url']} for clients, {gateway['tunnels']} for the agents of this site",
        f"          {gateway['deployments']} deployments, {gateway['tokens']} tokens, {gateway['nodes']} nodes; "
        + ("access tokens are no longer accepted" if not left and gateway["tokens"] else accepted),
        *(f"problem   {problem}" for problem in gateway["problems"]),
    ]
