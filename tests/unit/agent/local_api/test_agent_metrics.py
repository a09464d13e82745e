"""The agent's page of metrics: every family that the docs name, and what `status` says of the same."""

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from agent.link.link import LinkState
from agent.local_api.agent_metrics import agent_metrics
from agent.local_api.facts import AgentFacts
from agent.local_api.metrics_page import MetricsPage, MetricsPort
from agent.local_api.status import render, status
from agent.main import _parser, _run_config
from agent.placement import DesiredState, Placement, Version
from agent.state.identity import Identity
from homeport import __version__
from homeport.core.autoscale.demand import Demand
from homeport.core.errors import HomeportError
from homeport.core.refusal import Refusal
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.core.workload import Workload
from homeport.metrics.text import page_of

DOCS = Path(__file__).resolve().parents[4] / "docs" / "node-metrics.md"
_ROW = re.compile(r"^\| `(homeport_\w+)` \| (\w+) \| ([\w, ]*)\| (.+) \|$", re.M)

FACTS = AgentFacts(
    identity=Identity("n1", "plant", "gpus", "home:8443", b"", b"", b"", 1, "", 0.0),
    link=LinkState(True, 1000.0, clock_skew_seconds=0.25),
    epoch=7,
    heard_ago=1.5,
    gateways=("home:8444",),
    tunnels=2,
    desired=DesiredState(
        Version("s", 3), {"p": Placement("p", "chat@2", 2, 0, 1, 2, Workload("process", ("x",)), "hash")}
    ),
    replicas=(
        ReplicaReport("r1", "p", "chat@1", 1, ReplicaStatus.READY, restarts=2),
        ReplicaReport("r2", "p", "chat@2", 2, ReplicaStatus.STARTING, restarts=1),
    ),
    inventory=Inventory(
        "rack7",
        gpus=(
            Gpu("GPU-a", "L4", 24 << 30, 6 << 30, utilization_percent=40),
            Gpu("GPU-b", "L4", 24 << 30, quarantine="XID 79", quarantined_at=1.0),
        ),
    ),
    uptime_seconds=60.0,
    untold=4,
    demands={
        "chat@1": Demand(1, 2, None, arrivals=10, oldest_wait_seconds=3.0, tokens=50, answered=8, answered_seconds=4.0),
        "chat@2": Demand(2, 0, None, arrivals=5),
    },
    refused=(Refusal("image", "memory_short", "8 GiB", "2 GiB"),),
    ejections={("chat", "lost"): 3},
    failed_checks={"chat": 5},
)


def families(facts: AgentFacts = FACTS) -> dict[str, Metric]:
    text = page_of(agent_metrics(facts)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    """By the labels' values, in the order of their names; those that are not 0."""
    return {tuple(sample.labels[name] for name in sorted(sample.labels)): sample.value
            for sample in family.samples if sample.value}  # fmt: skip


def _shown(found: Iterable[Metric]) -> dict[str, tuple[str, set[str], str]]:
    return {
        family.name + "_total" * (family.type == "counter"): (
            family.type,
            {label for sample in family.samples for label in sample.labels},
            family.documentation,
        )
        for family in found
    }


def test_the_docs_name_every_family_and_no_other() -> None:
    documented = {
        name: (kind, {label for label in labels.replace(" ", "").split(",") if label}, text)
        for name, kind, labels, text in _ROW.findall(DOCS.read_text())
    }
    assert _shown(families().values()) == documented


def test_tracks_of_one_deployment_are_one() -> None:
    found = families()
    assert values(found["homeport_agent_replicas"]) == {("chat", "ready"): 1, ("chat", "starting"): 1}
    assert values(found["homeport_agent_replica_restarts"]) == {("chat",): 3}
    assert values(found["homeport_agent_requests_in_flight"]) == {("chat",): 3}
    assert values(found["homeport_agent_requests_queued"]) == {("chat",): 2}
    assert values(found["homeport_agent_oldest_wait_seconds"]) == {("chat",): 3}
    assert values(found["homeport_agent_arrivals"]) == {("chat",): 15}
    assert values(found["homeport_agent_busy_seconds"]) == {("chat",): 4}
    assert values(found["homeport_agent_ejections"]) == {("lost", "chat"): 3}
    assert values(found["homeport_agent_failed_health_checks"]) == {("chat",): 5}
    assert values(found["homeport_agent_refused"]) == {("image", "memory_short"): 1}
    assert values(found["homeport_agent_gpu_usable"]) == {("GPU-a", "L4"): 1}
    assert values(found["homeport_agent_gpu_utilization_ratio"]) == {("GPU-a", "L4"): 0.4}
    assert values(found["homeport_agent_info"]) == {("plant", "n1", "gpus", __version__): 1}


def test_alone_since_its_start_it_has_heard_nobody() -> None:
    found = families(replace(FACTS, heard_ago=None, link=LinkState(False, 0.0, "LINK_LOST")))
    assert not found["homeport_agent_heard_seconds"].samples
    assert found["homeport_agent_connected"].samples[0].value == 0


def test_status_says_the_same_to_people() -> None:
    said = render(status(FACTS))
    for line in (
        "gpu       GPU-a L4, 6.0 of 24.0 GiB used, well",
        "gpu       GPU-b L4, 0.0 of 24.0 GiB used, in quarantine: XID 79",
        "traffic   chat@1: 1 in flight, 2 waiting, 10 since the start; replicas out 3 times, 5 failed health checks",
        "refused   image: memory_short: needs 8 GiB, has 2 GiB",
    ):
        assert line in said.splitlines()


async def test_there_is_one_page_and_nothing_else() -> None:
    port = MetricsPort("127.0.0.1:0", MetricsPage(lambda: FACTS, None))
    await port.start()
    url = f"http://127.0.0.1:{port.port}"

    def get(path: str, method: str = "GET") -> tuple[int, str, bytes]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, method=method), timeout=60) as answer:
                return answer.status, answer.headers["content-type"], answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["content-type"], error.read()

    status_code, kind, body = await asyncio.to_thread(get, "/metrics")
    assert (status_code, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"homeport_agent_tunnels 2.0" in body
    assert b"process_resident_memory_bytes" in body
    assert (await asyncio.to_thread(get, "/metrics", "HEAD"))[2] == b""
    assert (await asyncio.to_thread(get, "/metrics", "POST"))[0] == 405
    assert (await asyncio.to_thread(get, "/"))[0] == 404
    taken = MetricsPort(f"127.0.0.1:{port.port}", MetricsPage(lambda: FACTS, None))
    with pytest.raises(HomeportError, match="cannot listen") as refused:
        await taken.start()
    assert "--metrics" in refused.value.hint
    await port.close()


def test_it_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    policy = tmp_path / "agent.toml"
    run = ["run", "--state-dir", str(tmp_path), "--policy", str(policy)]
    assert _run_config(_parser().parse_args(run)).metrics == ""
    policy.write_text('metrics = "127.0.0.1:9464"\n')
    assert _run_config(_parser().parse_args(run)).metrics == "127.0.0.1:9464"
    assert _run_config(_parser().parse_args([*run, "--metrics", "[::1]:9000"])).metrics == "[::1]:9000"
    with pytest.raises(HomeportError, match="no address to listen at"):
        _run_config(_parser().parse_args([*run, "--metrics", "rack7:9000"]))
