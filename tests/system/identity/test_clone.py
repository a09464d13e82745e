"""A state directory that was copied, and a second agent that is started on the copy."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import BIN
from tests.system.site import Site, documents, replica_pids


@pytest.mark.system
def test_a_copy_is_turned_away_and_its_original_serves_on(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": documents()})
        joined = site.join(site.new_join_token())
        assert joined.returncode == 0, joined.stderr
        shutil.copytree(tmp_path / "agent", tmp_path / "copy", symlinks=True)
        site.start_agent()
        site.until(lambda: site.ask("before")["body"] == "before", "the first answer")
        (node,) = site.every("/nodes")
        command = [str(BIN / "homeport-agent"), "run", "--state-dir", str(tmp_path / "copy")]
        with open(tmp_path / "copy.log", "w") as log:
            copy = subprocess.Popen([*command, "--allow-driver", "process"], stdout=log, stderr=log)
        try:
            site.until(lambda: [a["name"] for a in site.api("GET", "/status")["alarms"]] == ["clone"], "the alarm", 60)
            site.until(lambda: "CLONE" in (tmp_path / "copy.log").read_text(), "that the copy is told")
        finally:
            copy.kill()
            copy.wait()
        (after,) = site.every("/nodes")
        assert after["status"]["epoch"] == node["status"]["epoch"], "the session has changed hands"
        assert site.ask("after")["body"] == "after"
        assert replica_pids(tmp_path / "copy") == []
