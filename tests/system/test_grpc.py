"""gRPC through real processes, by the clients that people use."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import ROOT
from tests.system.site import Site, documents

pytestmark = pytest.mark.system

CALLER = ROOT / "tests" / "fakes" / "triton_grpc_caller.py"
HTTP_CALLER = ROOT / "tests" / "fakes" / "triton_caller.py"
PATIENCE = 120.0


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    *others, version, deployment = documents()
    version["model_version"] |= {
        "command": [sys.executable, "-m", "tests.fakes.kserve_model", "{port}", "{grpc_port}"],
        "working_directory": str(ROOT),
        "grpc_port": 0,
        "served_model_name": "org/real",
        "readiness": {"type": "grpc"},
    }
    with Site(tmp_path_factory.mktemp("grpc")) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [*others, version, deployment]})
        assert site.join(site.new_join_token()).returncode == 0
        site.start_agent()
        yield site


def test_tritonclient_and_a_plain_client(site: Site) -> None:
    site.until(lambda: site.api("GET", "/deployments/echo")["status"]["phase"] == "ready", "a replica", PATIENCE)
    assert told_by(CALLER, site) == {
        "live": True,
        "ready": True,
        "server": "homeport",
        "model_ready": True,
        "metadata": "org/real",
        "small": ["7", 2.0, 3.0],
        "large": [2 * 1024 * 1024, 2.0 * 2 * 1024 * 1024],
        "unknown": "StatusCode.NOT_FOUND there is no model 'ehco'",
        "streamed": [[0.0], [2.0], [4.0]],
        "any": "hello",
        "nobody": "UNAUTHENTICATED",
    }
    # Of the same deployment the other port, by the same address of the gateway.
    over_http = told_by(HTTP_CALLER, site)
    assert (over_http["model_ready"], over_http["binary"], over_http["inputs"]) == (True, [2.0, 3.0], ["x"])


def told_by(caller: Path, site: Site) -> Any:
    # In a process of its own: gRPC and a fork do not go together.
    told = subprocess.run(
        [sys.executable, str(caller), f"127.0.0.1:{site.gateway_port}", site.token],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)
