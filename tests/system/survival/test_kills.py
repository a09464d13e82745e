"""The control plane is killed with -9 at random moments: what it acknowledged is there, and what runs runs on."""

import random
import threading
import time
from pathlib import Path

import pytest

from tests.system.site import Site, is_alive
from tests.system.survival.conftest import Figure

pytestmark = pytest.mark.system


def test_a_server_that_is_killed_under_load_keeps_every_write_and_every_model(tmp_path: Path, figure: Figure) -> None:
    rng = random.Random(6)
    with Site(tmp_path) as site:
        site.start_all()
        pid = site.ask("who")["pid"]
        acknowledged: list[str] = []
        for turn in range(5):
            writers = [Writer(site, f"w{turn}-{number}", acknowledged) for number in range(3)]
            enough = len(acknowledged) + rng.randrange(5, 60)
            site.until(lambda enough=enough: len(acknowledged) > enough, "writes")  # type: ignore[misc]
            site.kill(site.server)
            for writer in writers:
                writer.join()
            assert is_alive(pid)
            started = time.monotonic()
            site.start_server()
            kept = {item["id"] for item in site.every("/clusters")}
            assert set(acknowledged) <= kept
            site.until(lambda: site.api("GET", "/nodes")["items"][0]["status"]["status"] == "ready", "the session")
            figure(f"killed server {turn + 1}: started until the session is back", time.monotonic() - started)
            site.until(lambda: site.ask("again")["pid"] == pid, "the same process answers")
        [replica] = site.api("GET", "/replicas")["items"]
        assert replica["restarts"] == 0


class Writer(threading.Thread):
    """Creates clusters, one after the other, until the server is gone."""

    def __init__(self, site: Site, name: str, acknowledged: list[str]) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._prefix = name
        self._acknowledged = acknowledged
        self.start()

    def run(self) -> None:
        number = 0
        while True:
            cluster_id = f"{self._prefix}-{number}"
            try:
                self._site.api("POST", "/clusters", {"id": cluster_id})
            except OSError:
                return
            self._acknowledged.append(cluster_id)
            number += 1
