"""What an agent costs while it has nothing to do: memory of its process tree, CPU, time to ready and to adoption.

One idle deployment (a real process behind the readiness probe), a session with heartbeats, the marks of docs:
<= 85 MB PSS, < 0.5 % of a core. The replica itself is not counted: it is not the agent's.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from homeport_proto.v1 import session_pb2 as pb

from agent.state.directory import StateDirectory
from agent.state.identity import IdentityStore
from homeport.core.workload import Probe, ProbeKind, Workload
from tests.fakes.control_plane import FakeControlPlane, placement_message, snapshot

AGENT = [sys.executable, "-m", "agent.main"]
# Until probes have found their steady pace.
_SETTLE_SECONDS = 13.0
_MODEL = (
    "import http.server as h, sys\n"
    "class H(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
    "    def log_message(self, *a): pass\n"
    "h.HTTPServer((sys.argv[1], int(sys.argv[2])), H).serve_forever()\n"
)


@dataclass(frozen=True)
class Result:
    """`pss_mb` counts shared pages by share, so it flatters a host full of Pythons; `rss_mb` counts them in full.

    `ready_ms` is from the desired state to READY, the model's own start included; `adopt_ms` from the start of a new
    agent process to its Hello with the replica in it, `adopt_many_ms` the same with `many` replicas, none restarted.
    """

    pss_mb: float
    rss_mb: float
    processes: int
    cpu_percent: float
    seconds: float
    ready_ms: float
    model_start_ms: float
    adopt_ms: float
    many: int
    adopt_many_ms: float


async def measure_adoption(count: int) -> float:
    """Milliseconds from the start of an agent to its Hello with all replicas of the one before."""
    probe = Probe(kind=ProbeKind.EXEC, command=("true",), interval_seconds=60.0, timeout_seconds=60.0)
    workload = Workload("process", ("sleep", "100000"), readiness=probe)
    ready: set[str] = set()

    def all_are_ready(replica: pb.ReplicaState) -> bool:
        if replica.status == "ready":
            ready.add(replica.replica_id)
        return len(ready) == count

    with tempfile.TemporaryDirectory() as folder:
        async with FakeControlPlane(heartbeat_seconds=2.0) as plane:
            state = Path(folder) / "state"
            with StateDirectory(state) as directory:
                IdentityStore(directory.identity).save(plane.identity())
            with _agent(state):
                connection = await plane.connection()
                placement = placement_message(workload, min_replicas=count, max_replicas=count)
                connection.say(desired_state=snapshot(1, placement))
                await connection.until_replica(all_are_ready)
            again = time.monotonic()
            with _agent(state, "--stop-replicas-on-exit") as agent:
                connection = await plane.connection()
                adopt_ms = (time.monotonic() - again) * 1000
                adopted = {r.replica_id for r in connection.hello.replicas if r.status == "ready" and not r.restarts}
                assert adopted == ready, f"{len(adopted)} of {count} were adopted"
                agent.send_signal(signal.SIGTERM)
                await asyncio.to_thread(agent.wait, 60)
    return adopt_ms


async def measure(seconds: float, many: int) -> Result:
    adopt_many_ms = await measure_adoption(many)
    with tempfile.TemporaryDirectory() as folder:
        async with FakeControlPlane(heartbeat_seconds=2.0) as plane:
            state = Path(folder) / "state"
            with StateDirectory(state) as directory:
                IdentityStore(directory.identity).save(plane.identity())
            with _agent(state):
                connection = await plane.connection()
                workload = Workload("process", (sys.executable, "-c", _MODEL, "{host}", "{port}"))
                asked = time.monotonic()
                connection.say(desired_state=snapshot(1, placement_message(workload)))
                replica = await connection.until_replica(lambda r: r.status == "ready")
                ready_ms = (time.monotonic() - asked) * 1000
            again = time.monotonic()
            with _agent(state, "--stop-replicas-on-exit") as agent:
                connection = await plane.connection()
                adopt_ms = (time.monotonic() - again) * 1000
                assert [r.replica_id for r in connection.hello.replicas] == [replica.replica_id]
                await asyncio.sleep(_SETTLE_SECONDS)
                before, begun = _cpu_seconds(agent.pid), time.monotonic()
                await asyncio.sleep(seconds)
                cpu = (_cpu_seconds(agent.pid) - before) / (time.monotonic() - begun) * 100
                tree = _tree(agent.pid)
                pss, rss = (sum(_memory_kib(pid, field) for pid in tree) / 1024 for field in ("Pss", "Rss"))
                agent.send_signal(signal.SIGTERM)
                await asyncio.to_thread(agent.wait, 40)
    return Result(
        round(pss, 1),
        round(rss, 1),
        len(tree),
        round(cpu, 3),
        seconds,
        round(ready_ms, 1),
        replica.start_ms,
        round(adopt_ms, 1),
        many,
        round(adopt_many_ms, 1),
    )


@contextmanager
def _agent(state: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Killed at the end unless it has ended: its replica runs on."""
    command = [*AGENT, "run", "--state-dir", str(state), "--allow-driver", "process", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
        try:
            yield agent
        finally:
            agent.kill()


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree(pid: int) -> list[int]:
    """The agent and its own children; replicas lead sessions of their own."""
    session = _stat(pid)[3]
    tree = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = _stat(int(name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(name) == pid or (fields[1] == str(pid) and fields[3] == session):
                tree.append(int(name))
    return tree


def _cpu_seconds(pid: int) -> float:
    """Of the process and of its children that have ended."""
    fields = _stat(pid)
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def _memory_kib(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.agent", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to watch the idle agent")
    parser.add_argument("--many", type=int, default=100, help="replicas to adopt at once")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    result = asdict(asyncio.run(measure(options.seconds, options.many)))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
