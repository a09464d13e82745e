"""A gateway on a host of its own, from its join token to its removal, with the control plane there and away."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.system.gateway_host import GatewayHost
from tests.system.load import PATIENCE
from tests.system.site import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


def test_it_serves_with_the_control_plane_and_without_until_it_is_removed(tmp_path: Path) -> None:
    with Site(tmp_path) as site, GatewayHost(site, tmp_path / "edge", "edge") as host:
        site.start_all()
        token = site.api("POST", "/gateways/edge/join-token", {})["token"]
        assert json.loads(host.start(token))["name"] == "edge", host.log

        # The agent, which runs already, is told of it; what is used of a limited token is lent to it.
        site.until(lambda: _ask(host, site.token) == 200, "an answer through it", PATIENCE)
        limited = _limited_token(site, requests=3)
        site.until(lambda: _ask(host, limited) == 200, "the limited token is known", PATIENCE)
        site.until(lambda: _ask(host, limited) == 429, "its budget is spent", PATIENCE)
        shown = _shown(site)
        assert (shown["state"], shown["tunnels"]) == ("connected", [f"127.0.0.1:{host.tunnel_port}"])
        site.until(lambda: [each["nodes"] for each in _shown(site)["workers"]] == [1], "its tunnel is shown", PATIENCE)
        assert site.api("POST", "/gateways/edge/scale", {"workers": 2})["wanted_workers"] == 2
        site.until(lambda: [each["nodes"] for each in _shown(site)["workers"]] == [1, 1], "two workers", PATIENCE)
        assert _private(host.folder / "state")

        site.stop(site.server)
        assert _ask(host, site.token) == 200
        # Its own restart, with every worker, while nobody can be asked; the command line is as it was.
        site.stop(host.process)
        host.workers = 2
        assert json.loads(host.start(token))["name"] == "edge", host.log
        site.until(lambda: _ask(host, site.token) == 200, "an answer out of what it knew", PATIENCE)
        assert _ask(host, "hp1.wrong.token") == 401
        # So does an agent that knows where gateways were.
        site.stop(site.agent)
        site.start_agent()
        site.until(lambda: _ask(host, site.token) == 200, "an answer of an agent that has asked nobody", PATIENCE)

        site.start_server()
        site.until(lambda: _shown(site)["state"] == "connected", "it is back", PATIENCE)
        assert _ask(host, limited) == 429
        site.api("DELETE", "/gateways/edge")
        assert host.process is not None
        assert host.process.wait(PATIENCE) == 1
        assert "turned away" in host.log
        assert "homeport gateway join-token edge" in host.log
        with pytest.raises(OSError, match="refused"):
            _ask(host, site.token)


def _ask(host: GatewayHost, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{host.gateway_port}/d/echo/x", b"hello", headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.loads(answer.read())["body"] == "hello"
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def _limited_token(site: Site, requests: int) -> str:
    budget = {"counts": "requests", "per": "total", "amount": requests}
    token: str = site.api("POST", "/access-tokens", {"name": "limited", "limits": {"budgets": [budget]}})["token"]
    return token


def _shown(site: Site) -> Any:
    (shown,) = [each for each in site.api("GET", "/gateways")["items"] if each["id"] == "edge"]
    return shown


def _private(folder: Path) -> bool:
    files = ("gateway-key.pem", "gateway.json", "gateway-tables")
    return all((folder / name).stat().st_mode & 0o077 == 0 for name in files)
