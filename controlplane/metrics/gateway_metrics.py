"""What gateways have counted. Pure."""

from collections.abc import Collection, Iterator, Sequence

from controlplane.metrics.families import Metric, counter, gauge, histogram, observed
from homeport.gateway.counters import DeploymentCounters
from homeport.gateway.report import AtNodes, GatewayReport

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


def _requests(counted: Sequence[tuple[str, str, DeploymentCounters]]) -> Iterator[Metric]:
    of = "gateway", "deployment"
    requests = counter(
        "homeport_gateway_requests_total", "Requests that are over, by the status answered.", *of, "status"
    )
    in_flight = gauge("homeport_gateway_requests_in_flight", "Requests that are not over.", *of)
    duration = histogram("homeport_gateway_request_duration_seconds", "From a request's head to its answer's end.", *of)
    first_byte = histogram("homeport_gateway_first_byte_seconds", "From a request's head to its answer's head.", *of)
    stream_gap = histogram("homeport_gateway_stream_gap_seconds", "The longest silence within a stream of events.", *of)
    received = counter("homeport_gateway_request_body_bytes_total", "Bytes of requests' bodies.", *of)
    sent = counter("homeport_gateway_response_body_bytes_total", "Bytes of answers' bodies.", *of)
    disconnects = counter("homeport_gateway_client_disconnects_total", "Clients that left before the end.", *of)
    broken = counter("homeport_gateway_broken_answers_total", "Answers that broke off after their beginning.", *of)
    retries = counter("homeport_gateway_retries_total", "Second tries of requests that a node may have begun.", *of)
    resends = counter("homeport_gateway_resends_total", "Requests sent on after a node refused them.", *of)
    ejections = counter("homeport_gateway_ejections_total", "Nodes that were given nothing for a while.", *of)
    parked = counter("homeport_gateway_parked_total", "Requests that waited for a node to connect.", *of)
    parked_seconds = counter("homeport_gateway_parked_seconds_total", "How long they waited.", *of)
    for gateway, deployment_id, counters in counted:
        labels = gateway, deployment_id
        for status, count in zip(_STATUSES, counters.answered, strict=True):
            requests.add_metric((*labels, status), count)
        in_flight.add_metric(labels, counters.in_flight)
        observed(duration, labels, counters.duration)
        observed(first_byte, labels, counters.first_byte)
        observed(stream_gap, labels, counters.stream_gap)
        received.add_metric(labels, counters.request_bytes)
        sent.add_metric(labels, counters.response_bytes)
        disconnects.add_metric(labels, counters.disconnects)
        broken.add_metric(labels, counters.broken)
        retries.add_metric(labels, counters.retries)
        resends.add_metric(labels, counters.resends)
        ejections.add_metric(labels, counters.ejections)
        parked.add_metric(labels, counters.parked)
        parked_seconds.add_metric(labels, counters.parked_seconds)
    yield from (requests, in_flight, duration, first_byte, stream_gap, received, sent, disconnects, broken)
    yield from (retries, resends, ejections, parked, parked_seconds)


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
