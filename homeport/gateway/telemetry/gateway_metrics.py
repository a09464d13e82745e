"""What gateways have counted. Pure."""

from collections.abc import Collection, Iterator, Sequence

from homeport.core.histogram import Histogram
from homeport.gateway.telemetry.counters import DeploymentCounters
from homeport.gateway.telemetry.report import AtNodes, GatewayReport
from homeport.metrics.families import Metric, counter, gauge, histogram, observed

# By the first digit.
_STATUSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


def gateway_metrics(reports: Sequence[GatewayReport], deployment_ids: Collection[str]) -> Iterator[Metric]:
    """`deployment_ids`: those that there are; of others nothing is shown."""
    counted = [
        (report.gateway, deployment_id, counters)
        for report in reports
        for deployment_id, counters in sorted(report.deployments.items())
        if deployment_id in deployment_ids
    ]
    yield from _requests(counted)
    yield from _revisions(counted)
    yield from _at_nodes(reports, deployment_ids)
    yield from _processes(reports)


# By the name of their counter, without its beginning: (attribute, text).
_COUNTS = {
    "request_body_bytes_total": ("request_bytes", "Bytes of requests' bodies."),
    "response_body_bytes_total": ("response_bytes", "Bytes of answers' bodies."),
    "client_disconnects_total": ("disconnects", "Clients that left before the end."),
    "broken_answers_total": ("broken", "Answers that broke off after their beginning."),
    "retries_total": ("retries", "Second tries of requests that a node may have begun."),
    "resends_total": ("resends", "Requests sent on after a node refused them."),
    "ejections_total": ("ejections", "Nodes that were given nothing for a while."),
    "parked_total": ("parked", "Requests that waited for a node to connect."),
    "parked_seconds_total": ("parked_seconds", "How long they waited."),
}
_TIMES = {
    "request_duration_seconds": ("duration", "From a request's head to its answer's end."),
    "first_byte_seconds": ("first_byte", "From a request's head to its answer's head."),
    "stream_gap_seconds": ("stream_gap", "The longest silence within a stream of events."),
}
_OF = ("gateway", "deployment")


def _requests(counted: Sequence[tuple[str, str, DeploymentCounters]]) -> Iterator[Metric]:
    """One after the other: a family of thousands of deployments is large."""
    requests = counter(
        "homeport_gateway_requests_total", "Requests that are over, by the status answered.", *_OF, "status"
    )
    for *labels, counters in counted:
        for status, count in zip(_STATUSES, counters.answered, strict=True):
            requests.add_metric((*labels, status), count)
    yield requests
    del requests
    in_flight = gauge("homeport_gateway_requests_in_flight", "Requests that are not over.", *_OF)
    for *labels, counters in counted:
        in_flight.add_metric(labels, counters.in_flight)
    yield in_flight
    for name, (attribute, text) in _TIMES.items():
        yield _times(counted, f"homeport_gateway_{name}", attribute, text)
    for name, (attribute, text) in _COUNTS.items():
        yield _counts(counted, f"homeport_gateway_{name}", attribute, text)


def _times(counted: Sequence[tuple[str, str, DeploymentCounters]], name: str, attribute: str, text: str) -> Metric:
    family = histogram(name, text, *_OF)
    for *labels, counters in counted:
        values: Histogram = getattr(counters, attribute)
        # Most deployments have no streams, and none of their buckets.
        if values.count:
            observed(family, labels, values)
    return family


def _counts(counted: Sequence[tuple[str, str, DeploymentCounters]], name: str, attribute: str, text: str) -> Metric:
    family = counter(name, text, *_OF)
    for *labels, counters in counted:
        family.add_metric(labels, getattr(counters, attribute))
    return family


def _revisions(counted: Sequence[tuple[str, str, DeploymentCounters]]) -> Iterator[Metric]:
    """Of deployments with revisions side by side."""
    of = "gateway", "deployment", "revision"
    requests = counter("homeport_gateway_revision_requests_total", "Requests to one of several revisions.", *of)
    errors = counter("homeport_gateway_revision_errors_total", "Of these, answers with 5xx or broken off.", *of)
    seconds = counter("homeport_gateway_revision_seconds_total", "From their heads to their answers' ends.", *of)
    for gateway, deployment_id, counters in counted:
        for revision, own in sorted(counters.revisions.items()):
            labels = gateway, deployment_id, revision
            requests.add_metric(labels, own.requests)
            errors.add_metric(labels, own.errors)
            seconds.add_metric(labels, own.seconds)
    yield from (requests, errors, seconds)


def _at_nodes(reports: Sequence[GatewayReport], deployment_ids: Collection[str]) -> Iterator[Metric]:
    """Each gateway hears the same of the nodes that are attached to it: the one that hears of most is right."""
    found: dict[str, AtNodes] = {}
    for report in reports:
        for deployment_id, sums in report.at_nodes.items():
            best = found.get(deployment_id)
            if best is None or (sums.capacity, sums.in_flight) > (best.capacity, best.in_flight):
                found[deployment_id] = sums
    queued = gauge("homeport_deployment_queued_requests", "Requests that wait on nodes for a replica.", "deployment")
    in_flight = gauge("homeport_deployment_in_flight_requests", "Requests that replicas work on.", "deployment")
    capacity = gauge(
        "homeport_deployment_capacity_requests", "Requests that ready replicas take at once.", "deployment"
    )
    for deployment_id in sorted(found.keys() & set(deployment_ids)):
        queued.add_metric((deployment_id,), found[deployment_id].queued)
        in_flight.add_metric((deployment_id,), found[deployment_id].in_flight)
        capacity.add_metric((deployment_id,), found[deployment_id].capacity)
    yield from (queued, in_flight, capacity)


def _processes(reports: Sequence[GatewayReport]) -> Iterator[Metric]:
    unrouted = counter(
        "homeport_gateway_unrouted_requests_total",
        "Requests that came to no deployment, by the status answered; none: no proper HTTP.",
        *("gateway", "status"),
    )
    connections = gauge("homeport_gateway_connections", "Clients' open connections.", "gateway")
    tunnels = gauge("homeport_gateway_tunnels", "Nodes' open tunnels.", "gateway")
    parked = gauge("homeport_gateway_requests_parked", "Requests that wait for a node to connect.", "gateway")
    cpu = counter("homeport_gateway_cpu_seconds_total", "CPU time of the gateway's process.", "gateway")
    memory = gauge("homeport_gateway_resident_memory_bytes", "Memory of the gateway's process.", "gateway")
    lag = histogram("homeport_gateway_loop_lag_seconds", "How late the gateway's timers are.", "gateway")
    dropped = counter(
        "homeport_gateway_access_log_dropped_total", "Lines of the access log that could not be written.", "gateway"
    )
    for report in reports:
        labels, facts = (report.gateway,), report.process
        for status, count in zip(_STATUSES, facts.unrouted, strict=True):
            unrouted.add_metric((*labels, status), count)
        connections.add_metric(labels, facts.connections)
        tunnels.add_metric(labels, facts.tunnels)
        parked.add_metric(labels, facts.parked)
        cpu.add_metric(labels, facts.cpu_seconds)
        memory.add_metric(labels, facts.memory_bytes)
        observed(lag, labels, facts.loop_lag)
        dropped.add_metric(labels, facts.access_log_dropped)
    yield from (unrouted, connections, tunnels, parked, cpu, memory, lag, dropped)
