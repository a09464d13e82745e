"""A cold start as its caller sees it: from nothing to an answer, with news on the way."""

import sys
import urllib.request
from pathlib import Path

import pytest

from tests.system.site import ECHO_MODEL, Site, documents

pytestmark = pytest.mark.system

PATIENCE = 120.0


def test_a_caller_that_asks_hears_how_its_cold_start_goes(tmp_path: Path) -> None:
    *others, version, deployment = documents()
    version["model_version"]["command"] = ["sh", "-c", f"sleep 3; exec {sys.executable} {ECHO_MODEL} $0", "{port}"]
    deployment["deployment"] |= {"hold_seconds": PATIENCE, "autoscale_config": {"min_replicas": 0, "max_replicas": 1}}
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [*others, version, deployment]})
        assert site.join(site.new_join_token()).returncode == 0
        site.start_agent()
        site.until(lambda: site.api("GET", "/deployments/echo")["status"]["placements"], "a placement", PATIENCE)
        headers = {"Authorization": f"Bearer {site.token}", "X-Homeport-Progress": "true"}
        url = f"{site.url(site.gateway_port)}/d/echo/v1/chat/completions"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=PATIENCE) as response:
            comment = response.readline()
            rest = response.read()
    assert comment.startswith(b": waiting for ")
    events = [line for line in rest.splitlines() if line.startswith(b"data: ")]
    assert events == [b"data: %d" % number for number in range(5)]
