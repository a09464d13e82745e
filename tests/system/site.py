"""A control plane and a host as separate processes, each of which a test may kill and start again."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml

from tests.ports import free_ports
from tests.system.conftest import BIN, ROOT

READY_SECONDS = 90.0
ECHO_MODEL = ROOT / "tests" / "fakes" / "echo_model.py"

SITE = f"""
compute_cluster: {{id: home}}
---
nodepool: {{id: default, compute_cluster: {{id: home}}}}
---
model: {{id: echo}}
---
model_version:
  id: v1
  model: {{id: echo}}
  command: [{sys.executable}, {ECHO_MODEL}, "{{port}}"]
  readiness: {{path: /, interval_seconds: 0.2}}
  concurrency: 4
---
deployment:
  id: echo
  worker: {{model: {{id: echo}}}}
  nodepools: [{{id: default, compute_cluster: {{id: home}}}}]
  hold_seconds: 20
"""


class Site:
    """`with Site(tmp_path) as site`: ends whatever it has started, replicas included."""

    def __init__(self, folder: Path, *server_options: str) -> None:
        """Clients trust `ca_file`, where that is set: then they use https."""
        self.folder = folder
        self.server_options = server_options
        self.program = [str(BIN / "homeport-server")]
        self.ca_file: Path | None = None
        self.api_port, self.gateway_port, self.enroll_port, self.session_port, self.tunnel_port = free_ports(5)
        self.server: subprocess.Popen[str] | None = None
        self.agent: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.agent is not None and self.agent.poll() is None:
            self.agent.kill()
            self.agent.wait()
        for pid in replica_pids(self.folder / "agent"):
            os.kill(pid, signal.SIGKILL)
        self.stop(self.server)
        for pid in self.gateway_pids:  # those of a server that was killed
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def data_dir(self) -> Path:
        return self.folder / "server"

    @property
    def gateway_pid(self) -> int:
        return int((self.data_dir / "gateway-0.pid").read_text())

    @property
    def gateway_pids(self) -> list[int]:
        found = []
        for file in self.data_dir.glob("gateway-*.pid"):
            with contextlib.suppress(FileNotFoundError):  # one that has just ended
                found.append(int(file.read_text()))
        return sorted(found)

    @property
    def token(self) -> str:
        return (self.data_dir / "admin-token").read_text().strip()

    def server_command(self, **other: int) -> list[str]:
        ports = {
            "api-port": self.api_port,
            "gateway-port": self.gateway_port,
            "enroll-port": self.enroll_port,
            "session-port": self.session_port,
            "tunnel-port": self.tunnel_port,
            **{key.replace("_", "-"): value for key, value in other.items()},
        }
        flags = [part for name, port in ports.items() for part in (f"--{name}", str(port))]
        return [*self.program, "--data-dir", str(self.data_dir), *flags, *self.server_options]

    @property
    def trust(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None

    def url(self, port: int) -> str:
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{port}"

    def start_server(self) -> None:
        with open(self.folder / "server.log", "a") as log:
            self.server = subprocess.Popen(self.server_command(), stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, (self.folder / "server.log").read_text()
        assert json.loads(line)["event"] == "ready"

    def join(self, token: str, state_dir: str = "agent") -> "subprocess.CompletedProcess[str]":
        server = f"127.0.0.1:{self.enroll_port}"
        state = str(self.folder / state_dir)
        command = [str(BIN / "homeport-agent"), "join", "--server", server, "--token", token, "--state-dir", state]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def start_agent(self, *flags: str) -> None:
        state = str(self.folder / "agent")
        command = [str(BIN / "homeport-agent"), "run", "--state-dir", state, "--allow-driver", "process"]
        with open(self.folder / "agent.log", "a") as log:
            self.agent = subprocess.Popen([*command, *flags], stdout=log, stderr=log, text=True)

    def start_all(self) -> None:
        """Until a request is answered."""
        self.start_server()
        self.api("POST", "/apply", {"documents": documents()})
        joined = self.join(self.new_join_token())
        assert joined.returncode == 0, joined.stderr
        self.start_agent()
        self.until(lambda: self.ask("warm")["body"] == "warm", "the first answer")

    def new_join_token(self) -> str:
        body = {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}}
        token: str = self.api("POST", "/join-tokens", body)["token"]
        return token

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self._http(method, f"{self.url(self.api_port)}/api/v1{path}", json.dumps(body).encode())

    def every(self, path: str) -> list[Any]:
        """All objects of a list, page by page."""
        items: list[Any] = []
        cursor = ""
        while True:
            page = self.api("GET", f"{path}?limit=1000{cursor}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    def ask(self, text: str, path: str = "/d/echo/anything") -> Any:
        """Through gateway, tunnel and relay."""
        return self._http("POST", self.url(self.gateway_port) + path, text.encode())

    def open(self, path: str, body: bytes | None = None) -> Any:
        """A streaming response of the gateway, to be read and closed by the caller."""
        request = self._request("POST" if body else "GET", self.url(self.gateway_port) + path, body)
        return urllib.request.urlopen(request, timeout=60, context=self.trust)

    def until(self, condition: Callable[[], Any], what: str, within: float = READY_SECONDS) -> float:
        """Seconds until the condition holds; refusals and errors on the way count as not yet."""
        began = time.monotonic()
        while True:
            try:
                if condition():
                    return time.monotonic() - began
            except urllib.error.HTTPError as refusal:
                refusal.close()
            except OSError:
                pass
            assert time.monotonic() - began < within, f"not within {within} s: {what}"
            time.sleep(0.1)

    def kill(self, process: "subprocess.Popen[str] | None") -> None:
        assert process is not None
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def stop(self, process: "subprocess.Popen[str] | None", how: signal.Signals = signal.SIGTERM) -> None:
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(90)
        if process is not None and process.stdout is not None:
            process.stdout.close()

    def _http(self, method: str, url: str, body: bytes) -> Any:
        with urllib.request.urlopen(self._request(method, url, body), timeout=60, context=self.trust) as response:
            text = response.read()
        return json.loads(text) if text else None

    def _request(self, method: str, url: str, body: bytes | None) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        has_body = body if method in ("POST", "PATCH") else None
        return urllib.request.Request(url, has_body, headers, method=method)


def documents() -> list[Any]:
    return list(yaml.safe_load_all(SITE))


def replica_pids(state_dir: Path) -> list[int]:
    """Of the processes that an agent has started, told by their working directories."""
    found = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdigit() and state_dir / "replicas" in Path(os.readlink(path / "cwd")).parents:
                found.append(int(path.name))
    return sorted(found)


def is_alive(pid: int) -> bool:
    """One that has ended and waits for its parent to notice is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
