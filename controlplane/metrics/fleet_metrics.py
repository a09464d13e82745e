"""How many of what there are. Pure."""

from collections.abc import Iterator

from controlplane.metrics.fleet import FleetCounts
from homeport.core.status import NodeStatus, ReplicaStatus
from homeport.metrics.families import Metric, gauge

# Shown also where there are none, so that an alert on them has a series to look at.
_PHASES = ("stopped", "pending", "failed", "starting", "degraded", "ready")
_GPU_HEALTH = ("ok", "problem", "quarantined")


def fleet_metrics(counts: FleetCounts) -> Iterator[Metric]:
    nodes = gauge("homeport_nodes", "Nodes, by status.", "status")
    for status in NodeStatus:
        nodes.add_metric((status.value,), counts.nodes[status.value])
    sessions = gauge("homeport_sessions", "Agents that are connected.")
    sessions.add_metric((), counts.sessions)
    agents = gauge("homeport_agents", "Agents that are connected, by version.", "version")
    for version, count in sorted(counts.agents.items()):
        agents.add_metric((version,), count)
    gpus = gauge("homeport_gpus", "GPUs, by health.", "health")
    for health in _GPU_HEALTH:
        gpus.add_metric((health,), counts.gpus[health])
    deployments = gauge("homeport_deployments", "Deployments, by phase.", "phase")
    for phase in _PHASES:
        deployments.add_metric((phase,), counts.phases[phase])
    alarms = gauge("homeport_alarms", "Alarms that last, by name.", "alarm")
    for alarm, count in sorted(counts.alarms.items()):
        alarms.add_metric((alarm,), count)
    yield from (nodes, sessions, agents, gpus, deployments, alarms)
    yield from _of_deployments(counts)


def _of_deployments(counts: FleetCounts) -> Iterator[Metric]:
    replicas = gauge("homeport_replicas", "Replicas, by status.", "deployment", "status")
    placements = gauge("homeport_placements", "Nodes that may run replicas of it.", "deployment")
    low = gauge("homeport_placed_min_replicas", "Replicas that these nodes keep running.", "deployment")
    high = gauge("homeport_placed_max_replicas", "Replicas that these nodes may run at most.", "deployment")
    for deployment_id, placed in sorted(counts.placed.items()):
        for status in ReplicaStatus:
            if status is not ReplicaStatus.STOPPED:
                replicas.add_metric((deployment_id, status.value), counts.replicas[deployment_id, status.value])
        placements.add_metric((deployment_id,), placed.placements)
        low.add_metric((deployment_id,), placed.min_replicas)
        high.add_metric((deployment_id,), placed.max_replicas)
    yield from (replicas, placements, low, high)
