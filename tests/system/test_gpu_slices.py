"""A partitioned GPU, and one whose memory others use: a real agent with a scripted NVML, from its first look to what
its replicas are given."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.nvml import build_library
from tests.system.site import ECHO_MODEL, Site, documents, replica_pids

pytestmark = pytest.mark.system
PATIENCE_SECONDS = 120.0


def served_by(name: str, **needs: Any) -> list[dict[str, Any]]:
    return [
        {"model": {"id": name}},
        {
            "model_version": {
                "id": "v1",
                "model": {"id": name},
                "command": [sys.executable, str(ECHO_MODEL), "{port}"],
                "readiness": {"path": "/", "interval_seconds": 0.2},
                "inference_compute_info": {"num_accelerators": 1, **needs},
                "requires": {"cuda": ">=12.2,<13"},
            }
        },
        {
            "deployment": {
                "id": name,
                "worker": {"model": {"id": name}},
                "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
            }
        },
    ]


def reasons(site: Site, deployment: str) -> list[tuple[str, str, str]]:
    [node] = site.api("GET", f"/deployments/{deployment}/explain")["nodes"]
    return [(why["filter"], why["need"], why["have"]) for why in node["reasons"]]


def verdicts(site: Site, deployment: str) -> list[str]:
    events = site.api("GET", f"/deployments/{deployment}")["status"]["events"]
    return [event["verdict"] for event in events]


def environments(site: Site) -> set[str]:
    """Variables of all replicas' processes."""
    pids = replica_pids(site.folder / "agent")
    return {line for pid in pids for line in Path(f"/proc/{pid}/environ").read_text().split("\0")}


def test_a_replica_gets_its_slice_and_none_is_started_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "nvml"
    library.mkdir()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(build_library(library)))
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    monkeypatch.setenv("FAKE_NVML_MIG", "1")
    monkeypatch.setenv("FAKE_NVML_USED_GIB", "11")
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": documents()[:2]})
        joined = site.join(site.new_join_token())
        assert joined.returncode == 0, joined.stderr
        site.start_agent()
        small = served_by("small", accelerator_type=["mig-3g.*"], accelerator_memory="512Mi")
        big = served_by("big", accelerator_memory="20Gi")
        site.api("POST", "/apply", {"documents": [*small, *big]})
        site.until(
            lambda: site.api("GET", "/deployments/small")["status"]["phase"] == "ready",
            "the slice serves",
            within=PATIENCE_SECONDS,
        )
        site.until(lambda: "CUDA_VISIBLE_DEVICES=MIG-fake-1" in environments(site), "the replica has its slice")
        refused = ("refused", "20Gi of the memory of GPU-fake-0", "13Gi free, by the driver")
        site.until(lambda: refused in reasons(site, "big"), "the refusal is told", within=PATIENCE_SECONDS)
        site.until(
            lambda: verdicts(site, "big")[-2:] == ["placed", "pending"],
            "it waits for another place",
            within=PATIENCE_SECONDS,
        )
