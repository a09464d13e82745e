"""A new revision is tried on a part of the requests, promoted and taken back, with real processes and under load: no
request is lost."""

import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.system.load import Load
from tests.system.site import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

_CLIENTS = 3
_PATIENCE = 90.0


class _Clients(Load):
    """`served`: by revision and status."""

    def __init__(self, site: Site) -> None:
        self.served: Counter[tuple[str, int]] = Counter()
        super().__init__(site, _CLIENTS)

    def _ask_on(self, number: int) -> None:
        while not self._over.is_set():
            try:
                self.served[ask(self._site)] += 1
            except OSError as error:
                self.lost.append(repr(error))


def ask(site: Site, **headers: str) -> tuple[str, int]:
    """(revision, status)"""
    request = urllib.request.Request(
        f"{site.url(site.gateway_port)}/d/echo/anything",
        b"hello",
        {"Authorization": f"Bearer {site.token}", **headers},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
        assert b"hello" in answer.read()
        return answer.headers.get("x-homeport-revision", ""), answer.status


def divided(site: Site) -> dict[int, int]:
    found: list[dict[str, Any]] = site.api("GET", "/deployments/echo")["status"]["traffic_split"]
    return {each["revision"]: each["percent"] for each in found if each["percent"] or each["wanted"]}


def only(site: Site, revision: int) -> bool:
    """Its replicas alone are left."""
    replicas = site.api("GET", "/replicas?deployment=echo")["items"]
    return {(each["revision"], each["status"]) for each in replicas} == {(revision, "ready")}


def test_a_promotion_and_a_rollback_under_load_lose_nothing(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        spec = {"env": {"NEW": "1"}, "traffic_split": [{"revision": 1, "percent": 100}]}
        site.api("PATCH", "/deployments/echo?force=true", {"spec": spec})
        with _Clients(site) as load:
            site.api("POST", "/deployments/echo/split", {"revision": 2, "percent": 30})
            site.until(lambda: divided(site) == {1: 70, 2: 30}, "divided", _PATIENCE)
            site.until(lambda: load.served["2", 200] >= 10, "the new one serves", _PATIENCE)
            assert ask(site, **{"X-Homeport-Revision": "1"}) == ("1", 200)
            site.api("POST", "/deployments/echo/promote", {})
            site.until(lambda: divided(site) == {2: 100} and only(site, 2), "promoted", _PATIENCE)
            site.api("POST", "/deployments/echo/rollback", {})
            site.until(lambda: divided(site) == {1: 100} and only(site, 1), "taken back", _PATIENCE)
            asked = load.served.total()
            site.until(lambda: load.served.total() > asked + 20, "it serves on", _PATIENCE)
        assert load.lost == []
        assert {status for _, status in load.served} == {200}
        assert load.served["1", 200] > 0
