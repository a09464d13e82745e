"""A GPU's driver reports an error: a real agent, with a scripted NVML, keeps that GPU out until it is cleared."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.nvml import build_library
from tests.system.site import Site, documents

pytestmark = pytest.mark.system
PATIENCE_SECONDS = 90.0


def gpus(site: Site) -> dict[str, Any]:
    [node] = site.api("GET", "/nodes")["items"]
    return {gpu["uuid"]: gpu["quarantine"] for gpu in node["status"]["inventory"]["gpus"]}


def test_a_quarantine_holds_over_a_restart_of_the_agent_until_a_person_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "nvml"
    library.mkdir()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(build_library(library)))
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    monkeypatch.setenv("FAKE_NVML_XID", "79")
    confined = {"GPU-fake-0": "", "GPU-fake-1": "XID 79: it fell off the bus"}
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": documents()[:2]})
        joined = site.join(site.new_join_token())
        assert joined.returncode == 0, joined.stderr
        site.start_agent()
        site.until(lambda: gpus(site) == confined, "the GPU in quarantine", within=PATIENCE_SECONDS)
        [alarm] = site.api("GET", "/status")["alarms"]
        assert alarm["name"] == "gpu-quarantine"

        site.kill(site.agent)
        monkeypatch.delenv("FAKE_NVML_XID")
        [node] = site.api("GET", "/nodes")["items"]
        epoch = node["status"]["epoch"]
        site.start_agent()
        site.until(
            lambda: site.api("GET", f"/nodes/{node['id']}")["status"]["epoch"] > epoch,
            "the agent is back",
            within=PATIENCE_SECONDS,
        )
        assert gpus(site) == confined

        site.api("POST", f"/nodes/{node['id']}/clear-gpu", {"gpu": "GPU-fake-1"})
        cleared = dict.fromkeys(confined, "")
        site.until(lambda: gpus(site) == cleared, "it is in use again", within=PATIENCE_SECONDS)
        site.until(lambda: site.api("GET", "/status")["alarms"] == [], "no alarm", within=PATIENCE_SECONDS)
