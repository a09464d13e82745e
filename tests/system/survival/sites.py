"""A control plane and hosts as real processes in network namespaces, each behind a link that can be cut."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agent.local_api.local_api import ask
from homeport.core.errors import HomeportError
from tests.system.conftest import BIN
from tests.system.netns import Host, Network
from tests.system.site import ECHO_MODEL, Site, replica_pids

_DOCUMENTS = """
compute_cluster: {{id: home}}
---
nodepool: {{id: default, compute_cluster: {{id: home}}}}
---
model: {{id: echo}}
---
model_version:
  id: v1
  model: {{id: echo}}
  command: [{python}, {model}, "{{port}}"]
  readiness: {{path: /, interval_seconds: 0.2}}
  concurrency: 64
---
deployment:
  id: echo
  worker: {{model: {{id: echo}}}}
  nodepools: [{{id: default, compute_cluster: {{id: home}}}}]
  autoscale_config: {{min_replicas: {replicas}, max_replicas: {replicas}}}
  hold_seconds: 20
  retry: safe
"""


@dataclass(slots=True)
class Station:
    """A host with an agent."""

    host: Host
    state_dir: Path
    log: Path
    agent: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        state = ["--state-dir", str(self.state_dir)]
        command = [str(BIN / "homeport-agent"), "run", *state, "--name", self.state_dir.name]
        with open(self.log, "a") as log:
            self.agent = self.host.popen([*command, "--allow-driver", "process"], stdout=log, stderr=log)

    @property
    def name(self) -> str:
        return self.state_dir.name

    @property
    def pid(self) -> int:
        """The agent's: `ip netns exec` becomes what it executes."""
        assert self.agent is not None
        return self.agent.pid

    def lose_power(self) -> None:
        """Agent and models end at once."""
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()
        for pid in self.replica_pids():
            os.kill(pid, signal.SIGKILL)

    def connected(self) -> bool:
        """As the agent says itself."""
        link: dict[str, Any] = ask(self.state_dir / "agent.sock", "status")["link"]
        return bool(link["connected"])

    def ready_replicas(self) -> int:
        """As the agent says itself; none while it cannot be asked."""
        try:
            replicas = ask(self.state_dir / "agent.sock", "status")["replicas"]
        except HomeportError:
            return 0
        return sum(replica["status"] == "ready" for replica in replicas)

    def replica_pids(self) -> list[int]:
        return replica_pids(self.state_dir)


class Sites(Site):
    """`with Sites(tmp_path, ["a", "b"]) as sites`: one replica on each host, all of them answering."""

    def __init__(self, folder: Path, hosts: list[str]) -> None:
        super().__init__(folder)
        self._network = Network()
        self._names = hosts
        self.center: Host
        self.stations: list[Station] = []

    def __enter__(self) -> "Sites":
        self._network.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.server, *(station.agent for station in self.stations)):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
            if process is not None and process.stdout is not None:
                process.stdout.close()
        self._network.__exit__()

    def start_server(self) -> None:
        command = [*self.server_command(), "--agent-host", self.center.address]
        with open(self.folder / "server.log", "a") as log:
            self.server = self.center.popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, (self.folder / "server.log").read_text()

    def restart_server(self) -> None:
        self.kill(self.server)
        self.start_server()

    def node(self, name: str) -> dict[str, Any]:
        """Its status as the API shows it."""
        status: dict[str, Any] = self.api("GET", f"/nodes/{name}")["status"]
        return status

    def statuses(self) -> list[str]:
        return [self.node(station.name)["status"] for station in self.stations]

    def model_pids(self) -> list[int]:
        return [pid for station in self.stations for pid in station.replica_pids()]

    def restarts(self) -> int | None:
        """Of all replicas together; None unless there is a ready one on each host."""
        replicas: list[dict[str, Any]] = self.api("GET", "/replicas")["items"]
        if [replica["status"] for replica in replicas] != ["ready"] * len(self.stations):
            return None
        return sum(int(replica["restarts"]) for replica in replicas)

    def placements(self) -> dict[str, Any]:
        return {placement["id"]: placement["spec"] for placement in self.api("GET", "/placements")["items"]}

    def until_all_serve(self) -> None:
        def ready() -> bool:
            replicas = self.api("GET", "/replicas")["items"]
            return bool(sum(replica["status"] == "ready" for replica in replicas) == len(self.stations))

        self.until(ready, "a ready replica on each host")
        self.until(lambda: self.ask("warm")["body"] == "warm", "the first answer")

    def _start(self) -> None:
        self.center = self._network.host("center")
        self.start_server()
        text = _DOCUMENTS.format(python=sys.executable, model=ECHO_MODEL, replicas=len(self._names))
        documents = list(yaml.safe_load_all(text))
        self.api("POST", "/apply", {"documents": documents[:-1]})
        for name in self._names:
            host = self._network.host(name)
            station = Station(host, self.folder / name, self.folder / f"{name}.log")
            enroll = ["--server", f"{self.center.address}:{self.enroll_port}", "--token", self.new_join_token()]
            command = [str(BIN / "homeport-agent"), "join", *enroll, "--name", name]
            joined = host.run([*command, "--state-dir", str(station.state_dir)])
            assert joined.returncode == 0, joined.stderr
            self.stations.append(station)
            station.start()
        self.until(lambda: set(self.statuses()) == {"ready"}, "all hosts")
        # Only now: the first host would have taken it all.
        self.api("POST", "/apply", {"documents": documents[-1:]})
        self.until_all_serve()

    def _http(self, method: str, url: str, body: bytes) -> Any:
        with self.center.inside():
            return super()._http(method, url, body)

    def open(self, path: str, body: bytes | None = None) -> Any:
        with self.center.inside():
            return super().open(path, body)


class Caller:
    """A client that asks on and on, one request after the other, and notes how each went."""

    def __init__(self, sites: Sites, pause: float = 0.05) -> None:
        self._sites = sites
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        # (began, seconds, the model's pid or 0 after an error)
        self.calls: list[tuple[float, float, int]] = []
        self.errors: list[str] = []

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    @property
    def last_pid(self) -> int:
        return self.calls[-1][2]

    def pids(self) -> list[int]:
        return [pid for _, _, pid in self.calls]

    def last_wait_since(self, moment: float) -> float:
        """Until when, in seconds after it, requests took longer than any should."""
        ends = [began + seconds - moment for began, seconds, _ in self.calls if seconds > 0.5 and began >= moment - 0.5]
        return max(ends, default=0.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            began, pid = time.monotonic(), 0
            try:
                pid = self._sites.ask("x", "/d/echo/v1/embeddings")["pid"]
            except urllib.error.HTTPError as error:
                with error:
                    self.errors.append(f"{error.code} {json.loads(error.read())['error']['message']}")
            except OSError as error:
                self.errors.append(str(error))
            self.calls.append((began, time.monotonic() - began, pid))
            self._stop.wait(self._pause)
