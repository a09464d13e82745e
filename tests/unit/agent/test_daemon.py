"""The whole agent as a process: killed, started again, cut off, stopped. Its replicas are real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from homeport_proto.v1 import session_pb2 as pb

from agent.local_api.local_api import ask
from agent.state.directory import StateDirectory
from agent.state.identity import IdentityStore
from homeport.core.errors import HomeportError
from homeport.core.workload import Probe, Workload
from tests.fakes.control_plane import Connection, FakeControlPlane, delta, placement_message, snapshot

pytestmark = pytest.mark.system

AGENT = [sys.executable, "-m", "agent.main"]
# Answers each request with its pid, and says so in its log.
_MODEL = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path != "/health":
            print("served", self.path, flush=True)
    def log_message(self, *args): pass
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
MODEL = Workload(
    "process",
    (sys.executable, "-c", _MODEL, "{host}", "{port}"),
    readiness=Probe(interval_seconds=0.2),
    stop_grace_seconds=2.0,
)


@dataclass
class Site:
    """A state directory with an identity, and the control plane that issued it."""

    state_dir: Path
    plane: FakeControlPlane

    @contextmanager
    def agent(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [*AGENT, "run", "--state-dir", str(self.state_dir), "--allow-driver", "process", *options]
        with subprocess.Popen(command) as process:
            try:
                yield process
            finally:
                process.kill()

    async def serving(self, connection: Connection) -> pb.ReplicaState:
        """Has the model running, ready and known by pid."""
        connection.say(desired_state=snapshot(10, placement_message(MODEL)))
        await connection.next("ack")
        return await connection.until_replica(lambda replica: replica.status == "ready")

    def model_port(self) -> int:
        """Of the one replica, from the environment that the agent gave it."""
        (pid,) = self.model_pids()
        for item in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if item.startswith(b"PORT="):
                return int(item[5:])
        raise AssertionError

    def model_pids(self) -> list[int]:
        """Live processes whose output goes to this state directory."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    target = os.readlink(f"/proc/{name}/fd/1")
                except OSError:
                    continue
                if target.startswith(str(self.state_dir / "replicas")):
                    found.append(int(name))
        return found

    def ask_model(self, path: str = "/") -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.model_port()}{path}", timeout=60) as answer:
            return int(answer.read())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with FakeControlPlane() as plane:
        with StateDirectory(tmp_path / "state") as directory:
            IdentityStore(directory.identity).save(plane.identity())
        site = Site(tmp_path / "state", plane)
        yield site
        for pid in site.model_pids():
            os.kill(pid, signal.SIGKILL)


async def test_a_killed_agent_adopts_its_replica(site: Site) -> None:
    with site.agent() as agent:
        replica = await site.serving(await site.plane.connection())
        before = await asyncio.to_thread(site.ask_model)
        agent.kill()

    with site.agent():
        connection = await site.plane.connection()
        (adopted,) = connection.hello.replicas
        assert (adopted.replica_id, adopted.status, adopted.restarts) == (replica.replica_id, "ready", 0)
        assert adopted.start_ms == replica.start_ms > 0
        assert connection.hello.applied == pb.StoreSeq(store_id="store", seq=10)
        connection.say(desired_state=snapshot(10, placement_message(MODEL)))
        await connection.next("ack")
        assert await asyncio.to_thread(site.ask_model, "/after") == before

        # It still logs: what was printed after the kill is there, and what comes now is followed.
        question = pb.LogsQuestion(replica_id=replica.replica_id, tail_lines=10, follow=True)
        connection.say(question=pb.Question(question_id="q", logs=question))
        await _until_logged(site.plane, b"served /after")
        await asyncio.to_thread(site.ask_model, "/followed")
        await _until_logged(site.plane, b"served /followed")

        # It is still looked after: killed, it comes back.
        os.kill(before, signal.SIGKILL)
        failed = await connection.until_replica(lambda r: r.status == "failed")
        assert "exit code is not known" in failed.reason
        again = await connection.until_replica(lambda r: r.status == "ready")
        assert (again.replica_id, again.restarts) == (replica.replica_id, 1)
        assert await asyncio.to_thread(site.ask_model) != before


async def test_sigterm_leaves_replicas_running_unless_told_otherwise(site: Site) -> None:
    with site.agent() as agent:
        await site.serving(await site.plane.connection())
        (pid,) = site.model_pids()
        agent.terminate()
        assert await asyncio.to_thread(agent.wait, 20) == 0
    assert site.model_pids() == [pid]

    with site.agent("--stop-replicas-on-exit") as agent:
        await site.plane.connection()
        agent.terminate()
        assert await asyncio.to_thread(agent.wait, 20) == 0
    assert site.model_pids() == []


async def test_without_a_control_plane_the_last_desired_state_comes_up(site: Site) -> None:
    with site.agent() as agent:
        await site.serving(await site.plane.connection())
        agent.kill()
    (old,) = site.model_pids()
    os.kill(old, signal.SIGKILL)
    await site.plane.stop()

    with site.agent():
        await _until(lambda: [r["status"] for r in _status(site).get("replicas", [])] == ["ready"])
        assert await asyncio.to_thread(site.ask_model) != old
        status = _status(site)
        assert not status["link"]["connected"]
        assert status["desired"] == {"store_id": "store", "seq": 10}


async def test_an_empty_snapshot_stops_nothing_until_it_is_confirmed(site: Site) -> None:
    with site.agent():
        connection = await site.plane.connection()
        await site.serving(connection)
        connection.say(desired_state=snapshot(11))
        ack = await connection.next("ack")
        assert list(ack.unlisted_placements) == ["p1"]
        await asyncio.to_thread(site.ask_model)
        version = pb.StoreSeq(store_id="store", seq=11)
        connection.say(confirm_removals=pb.ConfirmRemovals(version=version, removed_placements=["p1"]))
        connection.say(desired_state=snapshot(12))
        await connection.next("ack")
        await asyncio.to_thread(site.ask_model)
        version = pb.StoreSeq(store_id="store", seq=12)
        connection.say(confirm_removals=pb.ConfirmRemovals(version=version, removed_placements=["p1"], deliberate=True))
        await connection.until_replica(lambda replica: replica.status == "stopped")
        assert site.model_pids() == []


async def test_a_removal_by_name_stops_at_once_and_a_stale_one_does_not(site: Site) -> None:
    with site.agent():
        connection = await site.plane.connection()
        await site.serving(connection)
        connection.say(desired_state=delta(9, removed=("p1",)))
        connection.say(desired_state=delta(12))
        assert (await connection.next("ack")).applied.seq == 12
        await asyncio.to_thread(site.ask_model)
        connection.say(desired_state=delta(13, removed=("p1",)))
        await connection.until_replica(lambda replica: replica.status == "stopped")
        assert site.model_pids() == []


async def test_a_second_agent_refuses_and_names_the_first(site: Site) -> None:
    with site.agent() as agent:
        await site.plane.connection()
        command = [*AGENT, "run", "--state-dir", str(site.state_dir)]
        second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30)
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1
        assert f"process {agent.pid}" in second.stderr


async def test_a_host_that_has_not_joined_says_how(tmp_path: Path) -> None:
    command = [*AGENT, "run", "--state-dir", str(tmp_path / "new")]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "homeport-agent join --server" in done.stderr


async def test_join_and_status_from_the_command_line(site: Site, tmp_path: Path) -> None:
    server, token = f"127.0.0.1:{site.plane.enroll_port}", site.plane.join_token()
    state = str(tmp_path / "joined")
    join = [*AGENT, "join", "--server", server, "--token", token, "--state-dir", state]
    done = await asyncio.to_thread(subprocess.run, join, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "joined home/default" in done.stdout
    status = [*AGENT, "status", "--state-dir", state]
    done = await asyncio.to_thread(subprocess.run, status, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "no agent runs" in done.stderr
    with Site(Path(state), site.plane).agent():
        await site.plane.connection()
        done = await asyncio.to_thread(subprocess.run, status, capture_output=True, text=True, timeout=30)
        metrics = [*AGENT, "metrics", "--state-dir", state]
        told = await asyncio.to_thread(subprocess.run, metrics, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "connected since" in done.stdout
    assert "homeport_agent_connected 1.0" in told.stdout.splitlines()


def _status(site: Site) -> dict[str, Any]:
    try:
        return ask(site.state_dir / "agent.sock", "status")
    except HomeportError:
        return {}


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)


async def _until_logged(plane: FakeControlPlane, text: bytes) -> None:
    async with asyncio.timeout(60):
        while text not in (await plane.log_chunks.get()).lines:
            pass
