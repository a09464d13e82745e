"""A real language model under load: from no replica to several and back to none, and no request fails on the way.

The control plane dies in between: what the node decides meanwhile is told afterwards.
"""

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import ROOT, SHELL_SECONDS, need_sample
from tests.system.site import Site, replica_pids

pytestmark = [pytest.mark.system, pytest.mark.timeout(500)]

_CLIENTS = 4
_REQUESTS_EACH = 2
_MOST_REPLICAS = 2
_PATIENCE = 150.0

_DOCUMENTS: list[dict[str, Any]] = [
    {"compute_cluster": {"id": "home"}},
    {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}},
    {"model": {"id": "smollm2"}},
    {
        "model_version": {
            "id": "v1",
            "model": {"id": "smollm2"},
            "command": [
                str(ROOT / ".models/smollm2/bin/python"),
                str(ROOT / "examples/models/smollm2/serve.py"),
                "--port",
                "{port}",
                "--threads",
                "1",
            ],
            "readiness": {"path": "/health", "interval_seconds": 0.2},
            "inference_compute_info": {"cpu_limit": "100m", "cpu_memory": "64Mi"},
            "concurrency": 2,
        }
    },
    {
        "deployment": {
            "id": "chat",
            "worker": {"model": {"id": "smollm2"}},
            "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
            "hold_seconds": 120,
            "autoscale_config": {
                "min_replicas": 0,
                "max_replicas": _MOST_REPLICAS,
                "scale_down_delay_seconds": 2,
                "scale_to_zero_delay_seconds": 4,
            },
        }
    },
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need_sample()
    with Site(tmp_path) as site:
        yield site


def _say_something(site: Site, number: int) -> str:
    """One request, no second try."""
    body = {
        "model": "chat",
        "messages": [{"role": "user", "content": f"Count from {number}."}],
        "max_tokens": 4,
    }
    request = urllib.request.Request(
        f"{site.url(site.gateway_port)}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=SHELL_SECONDS) as answer:
        said: str = json.load(answer)["choices"][0]["message"]["content"]
        return said


def _talk(site: Site, client: int) -> list[str]:
    return [_say_something(site, client + number) for number in range(_REQUESTS_EACH)]


def _changes(site: Site) -> list[dict[str, Any]]:
    """Of the count of replicas, oldest first."""
    items: list[dict[str, Any]] = site.api("GET", "/deployments/chat/scaling-history")["items"]
    return sorted((each for each in items if each["held_until"] is None), key=lambda change: change["at"])


def test_no_request_fails_from_nothing_to_many_and_back(site: Site) -> None:
    site.start_server()
    site.api("POST", "/apply", {"documents": _DOCUMENTS})
    assert site.join(site.new_join_token()).returncode == 0
    site.start_agent()
    site.until(lambda: site.api("GET", "/placements?deployment=chat")["items"], "a place for it", _PATIENCE)
    assert replica_pids(site.folder / "agent") == []

    with ThreadPoolExecutor(_CLIENTS) as clients:
        talks = [clients.submit(_talk, site, client) for client in range(_CLIENTS)]
        site.until(lambda: any(each["replicas"] > 1 for each in _changes(site)), "more than one", _PATIENCE)
        site.kill(site.server)
        answers = [talk.result() for talk in talks]
    assert all(len(talk) == _REQUESTS_EACH and all(talk) for talk in answers)
    site.until(lambda: not replica_pids(site.folder / "agent"), "none again, all by itself", _PATIENCE)

    site.start_server()
    site.until(lambda: _changes(site)[-1]["replicas"] == 0, "what was decided meanwhile is told", _PATIENCE)
    counts = [each["replicas"] for each in _changes(site)]
    assert counts[0] >= 1
    assert 1 < max(counts) <= _MOST_REPLICAS
