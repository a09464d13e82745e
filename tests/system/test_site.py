"""Server, agent and a process replica, each a real process: what users rely on when one of them dies."""

import json
import subprocess
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.site import Site, is_alive

pytestmark = pytest.mark.system


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


def test_a_request_goes_all_the_way_and_the_token_stays_at_the_gateway(site: Site) -> None:
    site.start_all()
    answer = site.ask("hello")
    assert answer["body"] == "hello"
    assert "authorization" not in answer["headers"]
    with site.open("/v1/chat/completions", b'{"model": "echo", "messages": []}') as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.read() == b"".join(b"data: %d\n\n" % number for number in range(5))


def test_a_client_that_leaves_cancels_the_model(site: Site) -> None:
    site.start_all()
    stream = site.open("/d/echo/slow")
    assert stream.readline() == b"data: 0\n"
    stream.close()
    site.until(lambda: _cancelled(site) == 1, "the model saw its caller leave")


def test_a_killed_server_comes_back_to_a_fleet_that_served_on(site: Site) -> None:
    site.start_all()
    pid = site.ask("who")["pid"]
    site.kill(site.server)
    assert is_alive(pid)
    site.start_server()
    site.until(lambda: site.api("GET", "/replicas")["items"], "the agent is back")
    assert site.ask("again")["pid"] == pid
    [replica] = site.api("GET", "/replicas")["items"]
    assert replica["restarts"] == 0


def test_a_killed_agent_leaves_its_models_and_adopts_them(site: Site) -> None:
    site.start_all()
    pid = site.ask("who")["pid"]
    for _ in range(5):
        site.kill(site.agent)
        assert is_alive(pid)
        site.start_agent()
        site.until(lambda: site.ask("again")["pid"] == pid, "the same process answers")


def test_no_acknowledged_write_is_lost_when_the_server_is_killed(site: Site) -> None:
    site.start_server()
    acknowledged: list[str] = []
    stop = threading.Event()

    def write(worker: int) -> None:
        number = 0
        while not stop.is_set():
            cluster_id = f"c{worker}-{number}"
            try:
                site.api("POST", "/clusters", {"id": cluster_id})
            except OSError:
                return
            acknowledged.append(cluster_id)
            number += 1

    for _ in range(3):
        stop.clear()
        before = len(acknowledged)
        writers = [threading.Thread(target=write, args=(len(acknowledged) + number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        site.until(lambda before=before: len(acknowledged) > before + 40, "some writes")  # type: ignore[misc]
        site.kill(site.server)
        stop.set()
        for writer in writers:
            writer.join()
        site.start_server()
        kept = {item["id"] for item in site.every("/clusters")}
        assert set(acknowledged) <= kept


def test_a_second_server_refuses_and_names_the_fix(site: Site) -> None:
    site.start_server()
    same_data = subprocess.run(
        site.server_command(api_port=0, gateway_port=0, enroll_port=0, session_port=0, tunnel_port=0),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert same_data.returncode == 1
    assert "in use by another homeport-server" in same_data.stderr.splitlines()[-1]
    other = Site(site.folder / "other")
    other.folder.mkdir()
    for flag in ("api", "gateway", "enroll", "session", "tunnel"):
        ports = {f"{name}_port": 0 for name in ("api", "gateway", "enroll", "session", "tunnel")}
        ports[f"{flag}_port"] = getattr(site, f"{flag}_port")
        same_port = subprocess.run(other.server_command(**ports), capture_output=True, text=True, timeout=90)
        assert same_port.returncode == 1, flag
        assert f"--{flag}-port" in same_port.stderr.splitlines()[-1]


def test_a_join_token_is_good_for_one_host(site: Site) -> None:
    site.start_server()
    site.api("POST", "/clusters", {"id": "home"})
    site.api("POST", "/nodepools", {"id": "default", "compute_cluster": {"id": "home"}})
    token = site.new_join_token()
    assert site.join(token, "one").returncode == 0
    second = site.join(token, "two")
    assert second.returncode == 1
    assert len(second.stderr.strip().splitlines()) == 1
    assert "homeport join-token create" in second.stderr
    forged = site.join(token[:-8] + "00000000", "three")
    assert forged.returncode == 1
    assert len(site.api("GET", "/nodes")["items"]) == 1


def test_a_model_that_cannot_start_says_why_to_the_caller(site: Site) -> None:
    site.start_all()
    version = {"id": "v2", "model": {"id": "echo"}, "command": ["false"]}
    site.api("POST", "/models/echo/versions", version)
    broken = {
        "id": "broken",
        "worker": {"model": {"id": "echo", "model_version": {"id": "v2"}}},
        "nodepools": [{"id": "spare", "compute_cluster": {"id": "home"}}],
    }
    with pytest.raises(urllib.error.HTTPError) as missing:
        site.api("POST", "/deployments", broken)
    with missing.value as response:
        error = json.load(response)["error"]
    assert (response.status, error["path"]) == (404, "deployment.nodepools.0.id")
    site.api("DELETE", "/deployments/echo")
    broken["nodepools"] = [{"id": "default", "compute_cluster": {"id": "home"}}]
    site.api("POST", "/deployments", {**broken, "hold_seconds": 2})
    site.until(lambda: site.api("GET", "/deployments/broken")["status"]["phase"] == "failed", "the failure is seen")
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.ask("hello", "/d/broken/anything")
    with refused.value as response:
        message = json.load(response)["error"]["message"]
    assert response.status == 503
    assert response.headers["retry-after"]
    assert "exit code 1" in message


def _cancelled(site: Site) -> int:
    with site.open("/d/echo/cancelled") as response:
        count: int = json.load(response)["cancelled"]
    return count
