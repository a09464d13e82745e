"""Starts, changes of scale, faults of replicas and traffic, as nodes have told of them. Pure."""

from collections.abc import Iterator, Mapping

from controlplane.history.tally import DeploymentTally
from homeport.metrics.families import Metric, counter, histogram, observed


def history_metrics(tallies: Mapping[str, DeploymentTally]) -> Iterator[Metric]:
    """By deployment."""
    starts = counter("homeport_cold_starts_total", "Starts of replicas, by what became of them.", *_OF, "outcome")
    whole = histogram("homeport_cold_start_seconds", "How long starts took that became ready.", *_OF, "part")
    parts = counter("homeport_cold_start_part_seconds_total", "Where their time went.", *_OF, "part")
    changes = counter("homeport_scaling_changes_total", "Changes of scale, by what decided them.", *_OF, "driver")
    ejections = counter("homeport_replica_ejections_total", "Replicas given nothing for a while.", *_OF, "cause")
    checks = counter("homeport_replica_failed_health_checks_total", "Health checks that replicas failed.", *_OF)
    arrivals = counter("homeport_deployment_arrivals_total", "Requests that nodes took.", *_OF)
    completions = counter("homeport_deployment_completions_total", "Requests that have their whole answer.", *_OF)
    busy = counter("homeport_deployment_busy_seconds_total", "How long these were with a replica.", *_OF)
    waiting = counter("homeport_deployment_waiting_seconds_total", "How long requests waited for a replica.", *_OF)
    tokens = counter("homeport_deployment_generated_tokens_total", "Tokens generated, where the model tells.", *_OF)
    for deployment_id, tally in sorted(tallies.items()):
        labels = (deployment_id,)
        starts.add_metric((*labels, "ready"), tally.ready_starts)
        starts.add_metric((*labels, "failed"), tally.failed_starts)
        for part, seconds in tally.parts.items():
            if part not in _WHOLE:
                parts.add_metric((*labels, part), seconds.total)
            elif seconds.count:
                observed(whole, (*labels, part), seconds)
        for driver, count in sorted(tally.changes.items()):
            changes.add_metric((*labels, driver), count)
        for cause, count in sorted(tally.ejections.items()):
            ejections.add_metric((*labels, cause), count)
        checks.add_metric(labels, tally.failed_checks)
        arrivals.add_metric(labels, tally.traffic.arrivals)
        completions.add_metric(labels, tally.traffic.completions)
        busy.add_metric(labels, tally.traffic.busy_seconds)
        waiting.add_metric(labels, tally.traffic.waiting_seconds)
        tokens.add_metric(labels, tally.traffic.tokens)
    yield from (starts, whole, parts, changes, ejections, checks, arrivals, completions, busy, waiting, tokens)


_OF = ("deployment",)
# Of these the distribution is shown; of each part of each deployment it would be half of the page.
_WHOLE = ("total", "platform")
