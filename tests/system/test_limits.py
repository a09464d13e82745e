"""Limits of access tokens with four gateway workers, also while the control plane is dead."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site

pytestmark = pytest.mark.system

PER_MINUTE = 40
IN_TOTAL = 70
PATIENCE = 90.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, "--gateway-workers", "4") as site:
        site.start_all()
        yield site


class Caller:
    """Asks on a new connection each time, so that all workers see some of it."""

    def __init__(self, site: Site, limits: dict[str, Any] | None) -> None:
        made = site.api("POST", "/access-tokens", {"name": "test", "limits": limits})
        self.id: str = made["id"]
        self._site, self._token = site, made["token"]
        self.admitted: list[float] = []
        self.refusal: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    def ask(self) -> int:
        url = f"{self._site.url(self._site.gateway_port)}/d/echo/x"
        headers = {"Authorization": f"Bearer {self._token}"}
        began = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, b"x", headers), timeout=60) as response:
                self.headers = {name.lower(): value for name, value in response.headers.items()}
                response.read()
                self.admitted.append(began)
                return int(response.status)
        except urllib.error.HTTPError as refused:
            self.refusal = json.loads(refused.read())["error"]
            return refused.code

    def most_in_a_minute(self) -> int:
        return max(sum(at - 60 < each <= at for each in self.admitted) for at in self.admitted)

    def used(self) -> dict[str, int]:
        shown = self._site.api("GET", f"/access-tokens/{self.id}")
        return {each["name"]: each["used"] for each in shown["status"]["usage"]}


def test_limits_hold_at_all_workers_together_and_are_counted_once(site: Site) -> None:
    budget = {"counts": "requests", "per": "total", "amount": IN_TOTAL}
    limited = Caller(site, {"requests_per_minute": PER_MINUTE, "budgets": [budget]})
    free = Caller(site, None)
    site.until(lambda: limited.ask() == 200, "the gateways know the token", PATIENCE)
    assert limited.headers["x-ratelimit-limit-requests"] == str(PER_MINUTE)

    # Another gateway's lease may have to come back first.
    site.until(lambda: limited.ask() and len(limited.admitted) >= 0.9 * PER_MINUTE, "nearly all of it", PATIENCE)
    site.until(lambda: limited.ask() == 429, "the limit is reached", PATIENCE)
    assert limited.refusal["code"] == "rate_limit_exceeded"
    assert limited.most_in_a_minute() <= 1.1 * PER_MINUTE
    assert free.ask() == 200
    assert "x-ratelimit-limit-requests" not in free.headers

    site.kill(site.server)
    for _ in range(20):
        limited.ask()
    assert limited.most_in_a_minute() <= 1.1 * PER_MINUTE
    assert free.ask() == 200
    site.start_server()
    site.until(lambda: limited.used()["requests_in_total"] == len(limited.admitted), "all is counted", PATIENCE)

    site.api("PATCH", f"/access-tokens/{limited.id}", {"limits": {"requests_per_minute": None}})
    site.until(lambda: limited.ask() == 429 and limited.refusal["code"] == "insufficient_quota", "it ends", PATIENCE)
    site.until(lambda: limited.ask() and len(limited.admitted) >= 0.9 * IN_TOTAL, "nearly all of it", PATIENCE)
    assert len(limited.admitted) <= IN_TOTAL
    site.until(lambda: limited.used() == {"requests_in_total": len(limited.admitted)}, "it is counted once", PATIENCE)
