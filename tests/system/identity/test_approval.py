"""Hosts that a person has to let in: new ones, and those that look like a copy of another."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import BIN
from tests.system.site import Site, documents
from tests.system.survival.volumes import need_mounts

_PATIENCE = 90.0
_MACHINE_ID = Path("/etc/machine-id")
# What a host is told by, replaced in a view of the files that only the agent has.
_AS_ANOTHER_HOST = """
set -e
n=0
for file in /etc/machine-id /sys/class/dmi/id/product_uuid /sys/class/net/*/address; do
    [ -f "$file" ] || continue
    n=$((n + 1)); printf '0e:00:00:00:00:%02d\\n' $n >"$0/$n"; mount --bind "$0/$n" "$file"
done
exec "$@"
"""


def with_approval() -> list[Any]:
    found = documents()
    next(each for each in found if "nodepool" in each)["nodepool"]["node_approval"] = "required"
    return found


def node_of(site: Site) -> Any:
    (node,) = site.every("/nodes")
    return node


def cli(site: Site, *arguments: str) -> str:
    addresses = {"HOMEPORT_API": site.url(site.api_port), "HOMEPORT_GATEWAY": site.url(site.gateway_port)}
    environment = {**addresses, "HOMEPORT_TOKEN": site.token, "COLUMNS": "300"}
    command = [str(BIN / "homeport"), *arguments]
    done = subprocess.run(
        command, env={**environment, "HOME": str(site.folder)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def alarms(site: Site) -> list[str]:
    return [alarm["name"] for alarm in site.api("GET", "/status")["alarms"]]


@contextmanager
def another_host(site: Site, state: Path) -> Iterator[Path]:
    """An agent on hardware of its own, with a copy of the node's state; its log."""
    files, log = site.folder / "hardware", site.folder / "other.log"
    files.mkdir()
    agent = [str(BIN / "homeport-agent"), "run", "--state-dir", str(state), "--allow-driver", "process"]
    with open(log, "w") as output:
        command = ["unshare", "--mount", "sh", "-c", _AS_ANOTHER_HOST, str(files), *agent]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield log
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.system
def test_a_new_host_gets_nothing_until_it_is_let_in(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": with_approval()})
        assert site.join(site.new_join_token()).returncode == 0
        site.start_agent()
        site.until(lambda: node_of(site)["status"]["connected"], "its session", _PATIENCE)
        site.until(lambda: site.every("/deployments")[0]["status"]["rejections"], "why nothing runs", _PATIENCE)
        name = node_of(site)["spec"]["name"]
        (rejection,) = site.every("/deployments")[0]["status"]["rejections"]
        assert (rejection["filter"], rejection["have"]) == ("approval", f"homeport node approve {name}")
        assert f"homeport node approve {name}" in cli(site, "node", "list")
        assert alarms(site) == ["approval"]
        assert site.every("/placements") == []
        cli(site, "node", "approve", name)
        site.until(lambda: site.ask("in")["body"] == "in", "an answer", _PATIENCE)
        assert alarms(site) == []


@pytest.mark.system
def test_a_host_that_was_set_back_is_turned_away_until_a_person_says_that_it_is_right(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        site.stop(site.agent)
        shutil.copytree(tmp_path / "agent", tmp_path / "snapshot", symlinks=True)
        before = node_of(site)["status"]["epoch"]
        site.start_agent()
        site.until(lambda: node_of(site)["status"]["epoch"] > before, "a newer session", _PATIENCE)
        site.until(
            lambda: node_of(site)["status"]["epoch_kept"] > before,
            "that the server knows what is on the disk",
            _PATIENCE,
        )
        site.stop(site.agent)
        shutil.rmtree(tmp_path / "agent")
        (tmp_path / "snapshot").rename(tmp_path / "agent")
        site.start_agent()
        site.until(lambda: alarms(site) == ["clone"], "the alarm", _PATIENCE)
        site.stop(site.server)
        site.start_server()
        assert "clone" in alarms(site)
        assert not node_of(site)["status"]["connected"]
        cli(site, "node", "approve", node_of(site)["spec"]["name"])
        site.stop(site.agent)  # it would ask again by itself in fifteen minutes
        site.start_agent()
        site.until(lambda: site.ask("back")["body"] == "back", "an answer", _PATIENCE)
        assert "clone" not in alarms(site)


@pytest.mark.system
def test_a_copy_on_another_host_is_turned_away_while_the_original_is_off(tmp_path: Path) -> None:
    need_mounts()
    if not _MACHINE_ID.exists():
        pytest.fail("this host has no machine id to be told by")
    with Site(tmp_path) as site:
        site.start_all()
        epoch = node_of(site)["status"]["epoch"]
        site.stop(site.agent)
        shutil.copytree(tmp_path / "agent", tmp_path / "copy", symlinks=True)
        with another_host(site, tmp_path / "copy") as log:
            site.until(lambda: alarms(site) == ["clone"], "the alarm", _PATIENCE)
            site.until(lambda: "CLONE" in log.read_text(), "that the copy is told", _PATIENCE)
            assert node_of(site)["status"]["epoch"] == epoch
            assert "hardware" in node_of(site)["status"]["quarantine"]["reason"]
        site.start_agent()
        site.until(lambda: site.ask("again")["body"] == "again", "an answer of the original", _PATIENCE)
