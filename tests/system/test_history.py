"""What a real node remembers of real replicas, over the death of agent and server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.local_api.local_api import ask
from tests.system.site import Site

pytestmark = pytest.mark.system

PATIENCE = 90.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


def _items(site: Site, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.api("GET", f"/deployments/echo/{what}")["items"]
    return found


def _history_of_agent(site: Site) -> dict[str, int]:
    found: dict[str, int] = ask(site.folder / "agent" / "agent.sock", "status")["history"]
    return found


def test_a_start_during_an_outage_is_told_after_it_although_the_agent_was_killed(site: Site) -> None:
    site.start_all()
    site.until(lambda: len(_items(site, "cold-starts")) == 1, "the first start is told", PATIENCE)
    [first] = _items(site, "cold-starts")
    parts = ("queue", "place", "image", "create", "load", "warm_up")
    assert first["total_seconds"] == pytest.approx(sum(first[f"{part}_seconds"] for part in parts), abs=1e-4)
    assert 0 < first["platform_seconds"] < first["total_seconds"]
    assert first["load_seconds"] > 0
    made = [change for change in _items(site, "scaling-history") if change["held_until"] is None]
    assert [(change["before"], change["replicas"]) for change in made] == [(0, 1)]

    pid = site.ask("who")["pid"]
    site.kill(site.server)
    os.kill(pid, signal.SIGKILL)
    site.until(lambda: site.ask("who")["pid"] != pid, "another life of the replica", PATIENCE)
    site.until(lambda: _history_of_agent(site)["unwritten"] == 0, "its start is on the disk", PATIENCE)
    assert _history_of_agent(site)["untold"] > 0
    site.kill(site.agent)
    site.start_agent()
    site.start_server()
    site.until(lambda: len(_items(site, "cold-starts")) == 2, "the start of the outage is told", PATIENCE)
    second = _items(site, "cold-starts")[0]
    assert second["replica_id"] == first["replica_id"]
    assert second["at"] > first["at"]
