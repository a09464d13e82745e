"""gRPC through real processes, by the clients that people use."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.system.conftest import ROOT
from tests.system.site import Site, documents

pytestmark = pytest.mark.system

MODEL = ROOT / "tests" / "fakes" / "kserve_model.py"
CALLER = ROOT / "tests" / "fakes" / "triton_grpc_caller.py"
PATIENCE = 120.0


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    *others, version, deployment = documents()
    version["model_version"] |= {
        "command": [sys.executable, str(MODEL), "{port}"],
        "served_model_name": "real",
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
    # In a process of its own: gRPC and a fork do not go together.
    told = subprocess.run(
        [sys.executable, str(CALLER), f"127.0.0.1:{site.gateway_port}", site.token],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "live": True,
        "ready": True,
        "server": "homeport",
        "model_ready": True,
        "metadata": "real",
        "small": ["7", 2.0, 3.0],
        "large": [2 * 1024 * 1024, 2.0 * 2 * 1024 * 1024],
        "unknown": "StatusCode.NOT_FOUND there is no model 'ehco'",
        "streamed": [[0.0], [2.0], [4.0]],
        "any": "hello",
        "nobody": "UNAUTHENTICATED",
    }
