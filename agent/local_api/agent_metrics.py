"""This agent's own page of metrics: the node as itself sees it, whether the control plane is there or not. Pure."""

from collections import Counter
from collections.abc import Iterator

from agent.local_api.facts import AgentFacts
from homeport import __version__
from homeport.core.resources import Gpu
from homeport.core.rollout.track import deployment_of
from homeport.core.status import ReplicaStatus
from homeport.metrics.families import Metric, counter, gauge

_OF = ("deployment",)
# By name: (attribute of a deployment's demand, text).
_NOW = {
    "homeport_agent_requests_in_flight": ("in_flight", "Requests that replicas of this node work on."),
    "homeport_agent_requests_queued": ("queued", "Requests that wait on this node for a replica."),
    "homeport_agent_oldest_wait_seconds": ("oldest_wait_seconds", "How long the first of them has waited."),
}
_SINCE = {
    "homeport_agent_arrivals_total": ("arrivals", "Requests that this node took."),
    "homeport_agent_completions_total": ("answered", "Requests that have their whole answer."),
    "homeport_agent_busy_seconds_total": ("answered_seconds", "How long these were with a replica."),
    "homeport_agent_generated_tokens_total": ("tokens", "Tokens generated, where the model tells."),
}


def agent_metrics(facts: AgentFacts) -> Iterator[Metric]:
    """Counts are since the agent's start."""
    yield from _node(facts)
    yield from _replicas(facts)
    yield from _traffic(facts)
    yield from _gpus(facts)


def _node(facts: AgentFacts) -> Iterator[Metric]:
    identity = facts.identity
    about = gauge("homeport_agent_info", "Always 1.", "node", "cluster", "nodepool", "version")
    about.add_metric((identity.node_id, identity.cluster_id, identity.nodepool_id, __version__), 1)
    yield about
    heard = gauge("homeport_agent_heard_seconds", "How long ago the control plane was heard, once it was.")
    if facts.heard_ago is not None:
        heard.add_metric((), facts.heard_ago)
    yield heard
    for name, text, value in (
        ("connected", "1 while there is a session with the control plane, else 0.", int(facts.link.connected)),
        ("clock_skew_seconds", "How far this host's clock is ahead.", facts.link.clock_skew_seconds),
        ("tunnels", "Gateways that may send requests here.", facts.tunnels),
        ("placements", "Revisions that may run here.", len(facts.desired.placements)),
        ("history_untold", "Entries that wait for the control plane.", facts.untold),
        ("history_unwritten", "Entries that are not on the disk.", facts.unwritten),
    ):
        family = gauge(f"homeport_agent_{name}", text)
        family.add_metric((), value)
        yield family


def _replicas(facts: AgentFacts) -> Iterator[Metric]:
    statuses = Counter((deployment_of(each.deployment_id), each.status) for each in facts.replicas)
    names = sorted({deployment_of(each.deployment_id) for each in facts.desired.placements.values()}
                   | {deployment_id for deployment_id, _ in statuses})  # fmt: skip
    restarts: Counter[str] = Counter()
    for each in facts.replicas:
        restarts[deployment_of(each.deployment_id)] += each.restarts
    replicas = gauge("homeport_agent_replicas", "Replicas here, by status.", *_OF, "status")
    restarted = gauge("homeport_agent_replica_restarts", "How often the replicas that are here began anew.", *_OF)
    checks = counter("homeport_agent_failed_health_checks_total", "Health checks that replicas failed.", *_OF)
    for name in names:
        for status in ReplicaStatus:
            if status is not ReplicaStatus.STOPPED:
                replicas.add_metric((name, status.value), statuses[name, status])
        restarted.add_metric((name,), restarts[name])
        checks.add_metric((name,), facts.failed_checks.get(name, 0))
    ejections = counter("homeport_agent_ejections_total", "Replicas given nothing for a while.", *_OF, "cause")
    for (name, cause), count in sorted(facts.ejections.items()):
        ejections.add_metric((name, cause), count)
    refused = gauge("homeport_agent_refused", "What is not started now though it should be, by reason.", *_OF, "reason")
    for each_refused in facts.refused:
        refused.add_metric((deployment_of(each_refused.deployment_id), each_refused.code), 1)
    yield from (replicas, restarted, checks, ejections, refused)


def _traffic(facts: AgentFacts) -> Iterator[Metric]:
    """Revisions side by side are one deployment."""
    for make, families in ((gauge, _NOW), (counter, _SINCE)):
        for name, (attribute, text) in families.items():
            join = max if attribute == "oldest_wait_seconds" else sum
            values: dict[str, list[float]] = {}
            for deployment_id, demand in facts.demands.items():
                values.setdefault(deployment_of(deployment_id), []).append(getattr(demand, attribute))
            family = make(name, text, *_OF)
            for deployment_id in sorted(values):
                family.add_metric((deployment_id,), join(values[deployment_id]))
            yield family


def _gpus(facts: AgentFacts) -> Iterator[Metric]:
    memory = gauge("homeport_agent_gpu_memory_bytes", "Memory of the GPU.", "gpu", "name")
    used = gauge("homeport_agent_gpu_memory_used_bytes", "Of it, what is in use.", "gpu", "name")
    busy = gauge("homeport_agent_gpu_utilization_ratio", "Part of the time in which it worked.", "gpu", "name")
    usable = gauge("homeport_agent_gpu_usable", "1 while models may use it, else 0.", "gpu", "name")
    for gpu in facts.inventory.gpus:
        labels = _labels(gpu)
        memory.add_metric(labels, gpu.memory_bytes)
        used.add_metric(labels, gpu.memory_used_bytes)
        busy.add_metric(labels, gpu.utilization_percent / 100)
        usable.add_metric(labels, int(gpu.is_usable))
    yield from (memory, used, busy, usable)


def _labels(gpu: Gpu) -> tuple[str, str]:
    return gpu.uuid, gpu.name
