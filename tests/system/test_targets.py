"""Deployments that are scaled by what their replicas are seen to do, with real processes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import ROOT
from tests.system.site import Site

pytestmark = pytest.mark.system

BUSY = ROOT / "tests" / "fakes" / "busy_model.py"
PATIENCE = 120.0


def deployment(name: str, file: Path, targets: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """Without a request ever."""
    version = {
        "id": "v1",
        "model": {"id": name},
        "command": [sys.executable, str(BUSY), "{port}", str(file)],
        "readiness": {"path": "/", "interval_seconds": 0.2},
        "inference_compute_info": {"cpu_limit": "100m", "cpu_memory": "64Mi"},
    }
    scaling = {"min_replicas": 1, "max_replicas": most, "scale_down_delay_seconds": 0, "targets": targets}
    served = {
        "id": name,
        "worker": {"model": {"id": name}},
        "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
        "autoscale_config": scaling,
    }
    return [{"model": {"id": name}}, {"model_version": version}, {"deployment": served}]


def test_replicas_follow_their_targets(tmp_path: Path) -> None:
    burning, jobs = tmp_path / "burning", tmp_path / "jobs"
    burning.write_text("burn")
    jobs.write_text("25")
    documents = [
        {"compute_cluster": {"id": "home"}},
        {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}},
        *deployment("burning", burning, {"cpu_percent": 50}, most=12),
        *deployment("queueing", jobs, {"metrics": [{"name": "jobs_waiting", "target": 10}]}, most=3),
    ]
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": documents})
        assert site.join(site.new_join_token()).returncode == 0
        site.start_agent()

        def ready(name: str) -> int:
            count: int = site.api("GET", f"/deployments/{name}")["status"]["replicas"]["ready"]
            return count

        site.until(lambda: ready("queueing") == 3, "25 jobs are for three replicas of ten", PATIENCE)
        site.until(lambda: ready("burning") >= 2, "one burns more than half of what it asked for", PATIENCE)
        burning.write_text("0")
        log = (tmp_path / "agent.log").read_text()
        assert '"driver": "jobs_waiting"' in log
        assert '"driver": "cpu_percent"' in log
