"""Disks run full, out of inodes, or turn read-only: models serve on, writes are refused with a reason, and all is well
again without a restart."""

import json
import subprocess
import urllib.error
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.system.site import Site, documents, is_alive
from tests.system.survival.conftest import Figure
from tests.system.survival.volumes import breakable_volume, memory_volume, need_mounts

pytestmark = pytest.mark.system

_names = count()


@pytest.fixture(autouse=True)
def _mounts() -> None:
    need_mounts()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield Site(tmp_path)


def write_until_refused(site: Site) -> "urllib.error.HTTPError":
    """Some room may be left in files that have it already."""
    while True:
        try:
            site.api("POST", "/clusters", {"id": f"c{next(_names)}", "labels": {"pad": "x" * 60}})
        except urllib.error.HTTPError as refusal:
            return refusal


def alarms(site: Site) -> list[str]:
    return [alarm["name"] for alarm in site.api("GET", "/status")["alarms"]]


def can_write(site: Site) -> bool:
    site.api("POST", "/clusters", {"id": f"c{next(_names)}"})
    return True


def assert_storage_refusal(refusal: "urllib.error.HTTPError") -> None:
    with refusal:
        error = json.load(refusal)["error"]
    assert (refusal.status, error["code"]) == (507, "storage_full")
    assert "Models keep serving" in error["hint"]


def test_a_full_disk_of_the_control_plane(site: Site, figure: Figure) -> None:
    with memory_volume(site.data_dir) as volume, site:
        site.start_all()
        pid = site.ask("who")["pid"]
        volume.fill()
        assert_storage_refusal(write_until_refused(site))
        assert alarms(site) == ["storage"]
        assert site.ask("still")["pid"] == pid
        site.kill(site.agent)
        site.start_agent()
        site.until(lambda: site.ask("a new session")["pid"] == pid, "sessions without a note of them")
        site.kill(site.server)
        site.start_server()
        site.until(lambda: site.ask("a new server")["pid"] == pid, "a server that starts on a full disk")
        volume.free()
        figure(
            "full disk of the control plane: freed until written", site.until(lambda: can_write(site), "writes again")
        )
        site.until(lambda: alarms(site) == [], "no alarm")


def test_a_control_plane_without_inodes(site: Site, figure: Figure) -> None:
    with memory_volume(site.data_dir, mebibytes=64) as volume, site:
        site.start_all()
        pid = site.ask("who")["pid"]
        volume.use_up_inodes()
        site.kill(site.server)
        site.start_server()
        site.until(lambda: site.ask("a new server")["pid"] == pid, "a server that starts without inodes")
        volume.free()
        figure(
            "no inodes of the control plane: freed until written", site.until(lambda: can_write(site), "writes again")
        )


def test_a_control_plane_whose_disk_turns_read_only(site: Site) -> None:
    with breakable_volume(site.data_dir) as volume, site:
        site.start_all()
        pid = site.ask("who")["pid"]
        volume.break_down()
        assert_storage_refusal(write_until_refused(site))
        assert alarms(site) == ["storage"]
        assert site.ask("still")["pid"] == pid
        site.kill(site.agent)
        site.start_agent()
        site.until(lambda: site.ask("a new session")["pid"] == pid, "sessions without a note of them")
        site.kill(site.server)
        refused = subprocess.run(site.server_command(), capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 1
        assert "cannot be used: Read-only file system" in refused.stderr.splitlines()[-1]
        assert site.ask("without a server")["pid"] == pid


@pytest.mark.parametrize("fault", ["full", "inodes"])
def test_a_full_disk_of_the_agent(site: Site, figure: Figure, fault: str) -> None:
    with memory_volume(site.folder / "agent") as volume, site:
        site.start_all()
        pid = site.ask("who")["pid"]
        volume.fill() if fault == "full" else volume.use_up_inodes()
        assert site.ask("still")["pid"] == pid
        site.kill(site.agent)
        assert is_alive(pid)
        site.start_agent()
        site.until(lambda: site.ask("again")["pid"] == pid, "an agent that starts on a full disk")
        ask_for_two(site)
        assert site.ask("meanwhile")["pid"] == pid
        volume.free()
        figure(
            f"agent's disk {fault}: freed until its next replica is ready",
            site.until(lambda: ready(site) == 2, "2 ready"),
        )


def test_an_agent_whose_disk_turns_read_only(site: Site) -> None:
    with breakable_volume(site.folder / "agent") as volume, site:
        site.start_all()
        pid = site.ask("who")["pid"]
        volume.break_down()
        ask_for_two(site)
        site.until(lambda: "cannot be written" in (site.folder / "agent.log").read_text(), "the agent says so")
        assert site.ask("still")["pid"] == pid
        assert is_alive(pid)


def ask_for_two(site: Site) -> None:
    *_, last = documents()
    last["deployment"]["autoscale_config"] = {"min_replicas": 2, "max_replicas": 2}
    site.api("POST", "/apply", {"documents": [last]})


def ready(site: Site) -> int:
    replicas = site.api("GET", "/replicas")["items"]
    return sum(replica["status"] == "ready" for replica in replicas)
