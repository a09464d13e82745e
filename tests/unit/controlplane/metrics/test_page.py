"""The metrics page: every family is documented, and what stands in it is what was counted."""

import re
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from controlplane.history.tally import HistoryTally
from controlplane.metrics.fleet import FleetCounts, Placed
from controlplane.metrics.page import Facts, Sources, page
from controlplane.metrics.server_metrics import PipelineFacts, ServerFacts
from controlplane.store.history import NodeHistory
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Entry, Page, Told
from homeport.core.history.replica_fault import HEALTH_CHECK, ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.traffic_minute import TrafficMinute
from homeport.gateway.telemetry.counters import DeploymentCounters
from homeport.gateway.telemetry.report import AtNodes, GatewayReport, ProcessFacts

DOCS = Path(__file__).resolve().parents[4] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `(homeport_\w+)` \| (\w+) \| ([\w, ]*)\| (.+) \|$", re.M)


def told() -> NodeHistory:
    starts = ColdStart("r1", 1, StartParts(0.5, 0.0, 2.0, 0.02, 8.0, 1.0, 0.01)), ColdStart("r2", 1, problem="crashed")
    change = ScalingChange(1, 2, 2, "concurrency")
    held = ScalingChange(2, 2, 4, "hold", held_until=99.0)
    minute = TrafficMinute(60, 59, 30.5, 1.25, 3, 5, 900)
    fault = ReplicaFault("r1", 1, HEALTH_CHECK, 1, 3)
    log: list[Told] = [*starts, change, held, minute, fault]
    return NodeHistory("n1", Page("log", tuple(Entry(n, "chat", 10.0 * n, each) for n, each in enumerate(log, 1))))


def facts() -> Facts:
    """Of one deployment, with something in every family."""
    counters = DeploymentCounters(in_flight=2, answered=[1, 0, 7, 0, 0, 3], retries=4, response_bytes=5000)
    for seconds in (0.004, 0.2, 0.2, 400.0):
        counters.duration.observe(seconds)
    counters.first_byte.observe(0.1)
    counters.stream_gap.observe(0.5)
    counters.of_revision(4).note(0.5, is_error=True)
    counters.of_revision(4).note(0.25, is_error=False)
    gone = DeploymentCounters(retries=99)
    report = GatewayReport("gateway-0", ProcessFacts(1.5, 50 << 20), {"chat": counters, "gone": gone})
    report.at_nodes = {"chat": AtNodes(3, 1, 8), "gone": AtNodes(9, 9, 9)}
    behind = GatewayReport("gateway-1", at_nodes={"chat": AtNodes(0, 0, 4)})
    fleet = FleetCounts(sessions=2, placed={"chat": Placed(2, 1, 4)}, deployment_ids=frozenset({"chat"}))
    fleet.nodes.update(["ready", "ready", "lost"])
    fleet.replicas["chat", "ready"] = 2
    fleet.agents["0.1.0"] = 2
    fleet.alarms["storage"] = 1
    tally = HistoryTally()
    tally.take(told())
    server = ServerFacts("1.2.3", 42, False, pipelines={"placements": PipelineFacts(failures=1)})
    sources = Sources(lambda: [report, behind], tally, lambda: server)
    return sources.facts(fleet)


async def families() -> Mapping[str, Metric]:
    text = (await page(facts())).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(family: Metric, suffix: str = "", **labels: str) -> float:
    [found] = [each for each in family.samples if each.name == family.name + suffix and each.labels == labels]
    return found.value


async def test_the_page_documents_every_family_and_no_other() -> None:
    documented = {
        name: (kind, {label for label in labels.replace(" ", "").split(",") if label}, text)
        for name, kind, labels, text in _ROW.findall(DOCS.read_text())
    }
    shown = {}
    for family in (await families()).values():
        if family.name.startswith("homeport_"):
            name = family.name + "_total" * (family.type == "counter")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            shown[name] = family.type, labels, family.documentation
    assert shown == documented


async def test_numbers_of_gateways() -> None:
    found = await families()
    of = {"gateway": "gateway-0", "deployment": "chat"}
    assert value(found["homeport_gateway_requests"], "_total", **of, status="2xx") == 7
    assert value(found["homeport_gateway_requests"], "_total", **of, status="none") == 1
    assert value(found["homeport_gateway_retries"], "_total", **of) == 4
    assert value(found["homeport_gateway_requests_in_flight"], **of) == 2
    assert value(found["homeport_gateway_revision_requests"], "_total", **of, revision="4") == 2
    assert value(found["homeport_gateway_revision_errors"], "_total", **of, revision="4") == 1
    assert value(found["homeport_gateway_revision_seconds"], "_total", **of, revision="4") == 0.75
    duration = found["homeport_gateway_request_duration_seconds"]
    assert value(duration, "_bucket", **of, le="0.0025") == 0
    assert value(duration, "_bucket", **of, le="0.005") == 1
    assert value(duration, "_bucket", **of, le="300.0") == 3
    assert value(duration, "_bucket", **of, le="+Inf") == value(duration, "_count", **of) == 4
    assert abs(value(duration, "_sum", **of) - 400.404) < 1e-6
    assert value(found["homeport_gateway_resident_memory_bytes"], gateway="gateway-1") == 0


async def test_two_gateways_hear_the_same_of_nodes_and_it_counts_once() -> None:
    found = await families()
    assert value(found["homeport_deployment_queued_requests"], deployment="chat") == 1
    assert value(found["homeport_deployment_capacity_requests"], deployment="chat") == 8


async def test_of_deployments_that_are_gone_nothing_is_shown() -> None:
    labels = [sample.labels for family in (await families()).values() for sample in family.samples]
    assert {each["deployment"] for each in labels if "deployment" in each} == {"chat"}


async def test_numbers_of_starts_scale_and_traffic() -> None:
    found = await families()
    assert value(found["homeport_cold_starts"], "_total", deployment="chat", outcome="ready") == 1
    assert value(found["homeport_cold_starts"], "_total", deployment="chat", outcome="failed") == 1
    parts = found["homeport_cold_start_part_seconds"]
    seconds = {
        part: value(parts, "_total", deployment="chat", part=part)
        for part in ("queue", "place", "image", "create", "load", "warm_up")
    }
    assert seconds == {"queue": 0.5, "place": 0.0, "image": 2.0, "create": 0.02, "load": 8.0, "warm_up": 1.0}
    whole = found["homeport_cold_start_seconds"]
    assert value(whole, "_sum", deployment="chat", part="total") == 11.52
    assert value(whole, "_count", deployment="chat", part="platform") == 1
    # Until it is made a change is none.
    changes = found["homeport_scaling_changes"]
    assert [sample.labels["driver"] for sample in changes.samples if sample.name.endswith("_total")] == ["concurrency"]
    assert value(found["homeport_replica_ejections"], "_total", deployment="chat", cause="health check") == 1
    assert value(found["homeport_replica_failed_health_checks"], "_total", deployment="chat") == 3
    assert value(found["homeport_deployment_generated_tokens"], "_total", deployment="chat") == 900


async def test_numbers_of_the_fleet_and_the_server() -> None:
    found = await families()
    assert value(found["homeport_nodes"], status="ready") == 2
    assert value(found["homeport_nodes"], status="suspect") == 0
    assert value(found["homeport_replicas"], deployment="chat", status="ready") == 2
    assert value(found["homeport_placed_max_replicas"], deployment="chat") == 4
    assert value(found["homeport_store_writable"]) == 0
    assert value(found["homeport_pipeline_failures"], "_total", pipeline="placements") == 1
    assert found["homeport_build_info"].samples[0].labels["version"] == "1.2.3"
    assert found["process_resident_memory_bytes"].samples[0].value > 1 << 20


def test_a_page_of_history_that_is_told_twice_counts_once() -> None:
    tally = HistoryTally()
    tally.take(told())
    tally.take(told())
    assert tally.deployments["chat"].traffic.arrivals == 60
    more = NodeHistory("n1", Page("log", (Entry(7, "chat", 70.0, TrafficMinute(1)),)))
    tally.take(more)
    assert tally.deployments["chat"].traffic.arrivals == 61
    # A log that begins anew tells other things under the same numbers.
    tally.take(NodeHistory("n1", Page("another", (Entry(1, "chat", 70.0, TrafficMinute(2)),))))
    assert tally.deployments["chat"].traffic.arrivals == 63
    tally.keep_only(["other"])
    assert tally.deployments == {}
