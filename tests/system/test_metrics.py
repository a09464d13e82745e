"""What a real server shows of real requests, on its metrics page and in the access log."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.system.site import Site

pytestmark = pytest.mark.system

PATIENCE = 90.0
REQUESTS = "homeport_gateway_requests_total"
# Labels come in the order of their names.
GATEWAY = ("echo", "gateway-0")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, "--metrics-open", "--access-log", str(tmp_path / "access.log")) as site:
        site.start_all()
        yield site


def scrape(site: Site) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"{site.url(site.api_port)}/metrics", timeout=60) as page:
        assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = page.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def logged(site: Site) -> list[dict[str, Any]]:
    """Requests to the deployment: some came before there was one."""
    file = site.folder / "access.log"
    whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
    return [line for line in map(json.loads, whole.splitlines()) if line["deployment"] == "echo"]


def timed(site: Site) -> str:
    request = urllib.request.Request(
        f"{site.url(site.gateway_port)}/d/echo/",
        data=b"timed",
        headers={"Authorization": f"Bearer {site.token}", "X-Homeport-Timing": "true"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["hp-timing"] is None
        return str(answer.headers["Server-Timing"])


def test_requests_are_counted_timed_and_logged_and_their_counts_outlive_the_control_plane(site: Site) -> None:
    for number in range(7):
        site.ask(f"request {number}")
    assert "model;dur=" in timed(site)
    site.ask("last", "/d/echo/last")
    # Lines stand in the order of their ends.
    site.until(
        lambda: [line["path"] for line in logged(site)][-1:] == ["/d/echo/last"],
        "all requests are in the access log",
        PATIENCE,
    )
    lines = logged(site)
    answered = sum(line["status"] == 200 for line in lines)
    site.until(
        lambda: scrape(site).get((REQUESTS, *GATEWAY, "2xx")) == answered,
        "the gateway has told of all of them",
        PATIENCE,
    )

    found = scrape(site)
    assert found["homeport_gateway_request_duration_seconds_count", *GATEWAY] == len(lines)
    assert found["homeport_gateway_tunnels", "gateway-0"] == 1
    assert found["homeport_nodes", "ready"] == found["homeport_sessions",] == 1
    assert found["homeport_replicas", "echo", "ready"] == 1
    assert found["homeport_deployments", "ready"] == 1
    assert found["homeport_deployment_capacity_requests", "echo"] == 4
    assert found["homeport_pipeline_round_seconds_count", "placements"] > 0
    assert found["homeport_store_commit_seconds_count",] > 0
    assert found["process_resident_memory_bytes",] > found["homeport_gateway_resident_memory_bytes", "gateway-0"] / 10

    # From the agent's ledger.
    site.until(
        lambda: scrape(site).get(("homeport_cold_starts_total", "echo", "ready")) == 1, "the start is told", PATIENCE
    )
    assert scrape(site)["homeport_cold_start_seconds_count", "echo", "total"] == 1
    site.until(
        lambda: scrape(site)["homeport_heartbeat_lateness_seconds_count",] > 0, "a heartbeat was heard", PATIENCE
    )

    last = lines[-1]
    assert (last["deployment"], last["status"], last["method"], last["error"]) == ("echo", 200, "POST", "")
    assert last["replica"]
    assert last["node"] == site.api("GET", "/nodes")["items"][0]["id"]
    assert site.token not in (site.folder / "access.log").read_text()

    site.kill(site.server)
    site.ask("while it is dead")
    site.start_server()
    site.until(
        lambda: scrape(site).get((REQUESTS, *GATEWAY, "2xx")) == answered + 1,
        "the gateway's numbers go on from where they were",
        PATIENCE,
    )
