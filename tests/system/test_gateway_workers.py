"""Several gateway workers behind one port: killed, and replaced by another release's, while clients ask."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.load import PATIENCE, Load
from tests.system.site import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("gateway-workers")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("workers"), "--gateway-workers", "2") as site:
        site.start_all()
        yield site


class Clients(Load):
    """Each has a connection that it keeps for as long as it may, and sends a request that was reset a second time."""

    def __init__(self, site: Site, count: int = 4) -> None:
        self.resets = 0
        super().__init__(site, count)

    def _ask_on(self, number: int) -> None:
        connection = self._connect()
        for turn in range(1_000_000):
            if self._over.is_set():
                break
            # Some take a new connection for each request.
            if number % 2:
                connection.close()
            for again in (False, True):
                try:
                    status, body = self._ask(connection, f"{number}-{turn}")
                    if status != 200:
                        self.lost.append(f"{status} {body}")
                    self.answered += 1
                    break
                except (http.client.HTTPException, OSError) as error:
                    self.resets += 1
                    connection.close()
                    if again:
                        self.lost.append(repr(error))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, text: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self._site.token}"}
        connection.request("POST", "/d/echo/x", text, headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status == 200:
            assert json.loads(body)["body"] == text
        return answer.status, body

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._site.gateway_port, timeout=60)


def test_their_number_changes_without_a_restart(site: Site) -> None:
    with Clients(site) as clients:
        clients.until_more(20)
        assert site.api("POST", "/gateways/central/scale", {"workers": 3})["wanted_workers"] == 3
        site.until(lambda: _states(site) == ["serving"] * 3, "three serve", PATIENCE)
        site.until(lambda: _nodes(site) == [1, 1, 1], "the node has a tunnel to each", PATIENCE)
        clients.until_more(20)
        site.api("POST", "/gateways/central/scale", {"workers": 2})
        site.until(lambda: _states(site) == ["serving"] * 2, "two serve", PATIENCE)
        clients.until_more(20)
    assert (clients.lost, clients.resets) == ([], 0)


def test_another_release_takes_over_worker_by_worker_and_no_request_is_lost(site: Site) -> None:
    before = set(site.gateway_pids)
    assert len(before) == 2
    with Clients(site) as clients:
        clients.until_more(50)
        site.stop(site.server, signal.SIGUSR1)
        # The same programs, installed in another place.
        other = site.folder / "other"
        other.symlink_to(Path(sys.prefix))
        site.program = [str(other / "bin" / "python"), "-m", "controlplane"]
        site.start_server()
        site.until(lambda: not before & set(site.gateway_pids), "all workers are new", PATIENCE)
        clients.until_more(50)
    assert clients.lost == []
    assert clients.resets == 0
    assert len(site.gateway_pids) == 2


def test_one_that_is_killed_takes_its_requests_with_it_and_no_others(site: Site) -> None:
    site.until(lambda: len(site.gateway_pids) == 2, "two workers", PATIENCE)
    before = site.gateway_pids
    with Clients(site) as clients:
        clients.until_more(50)
        os.kill(before[0], signal.SIGKILL)
        clients.until_more(50)
        site.until(lambda: len(set(site.gateway_pids) - {before[0]}) == 2, "another takes its place", PATIENCE)
        clients.until_more(50)
    assert clients.lost == []
    # Each client has at most one request there.
    assert clients.resets <= 4
    assert before[1] in site.gateway_pids


def _states(site: Site) -> list[str]:
    return [worker["state"] for worker in site.api("GET", "/gateways")["items"][0]["workers"]]


def _nodes(site: Site) -> list[int]:
    return [worker["nodes"] for worker in site.api("GET", "/gateways")["items"][0]["workers"]]
