"""kill -9 of a model under load: requests that were with it are made again elsewhere, or wait for the next one."""

import os
import signal
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.load import PATIENCE, Load
from tests.system.site import Site, replica_pids

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("replica-killed")]

CLIENTS = 5
# Fifty requests a second, all of them together.
PAUSE_SECONDS = 0.1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("killed")) as site:
        site.start_all()
        yield site


class Clients(Load):
    """Each request is sent once."""

    def _ask_on(self, number: int) -> None:
        turn = 0
        while not self._over.wait(PAUSE_SECONDS):
            turn += 1
            text = f"{number}-{turn}"
            try:
                assert self._site.ask(text, "/d/echo/v1/x")["body"] == text
                self.answered += 1
            except urllib.error.HTTPError as refusal:
                self.lost.append(f"{refusal.code} {refusal.read().decode()}")
                refusal.close()
            except (OSError, AssertionError) as error:
                self.lost.append(repr(error))


def models(site: Site) -> list[int]:
    return replica_pids(Path(site.folder) / "agent")


def ready(site: Site) -> int:
    return sum(replica["status"] == "ready" for replica in site.every("/replicas"))


@pytest.mark.parametrize("replicas", [2, 1])
def test_no_request_is_lost(site: Site, replicas: int) -> None:
    edit = {"spec": {"autoscale_config": {"min_replicas": replicas, "max_replicas": replicas}}}
    site.api("PATCH", "/deployments/echo?force=true", edit)
    site.until(lambda: ready(site) == len(models(site)) == replicas, f"{replicas} replicas", PATIENCE)
    with Clients(site, CLIENTS) as load:
        load.until_more(50)
        killed = models(site)[0]
        # So that there are some with it when it dies.
        os.kill(killed, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(killed, signal.SIGKILL)
        load.until_more(100)
    assert load.lost == []
    site.until(lambda: ready(site) == replicas and killed not in models(site), "the next one", PATIENCE)
