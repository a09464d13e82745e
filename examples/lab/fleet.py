"""A control plane at headquarters and an agent at each site, as real programs that a demo may kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from network import HEADQUARTERS, Site, make_bridge, remove_bridge

BIN = Path(sys.executable).parent
API, GATEWAY = "http://127.0.0.1:18080", "http://127.0.0.1:18000"
BEGAN = time.monotonic()


class Fleet:
    """`sites`: in which cluster each stands. `folder` gets all data and logs."""

    def __init__(self, folder: Path, sites: Mapping[Site, str]) -> None:
        self.folder = folder
        self.sites = sites
        self.server: subprocess.Popen[bytes] | None = None
        self.agents: dict[str, subprocess.Popen[bytes]] = {}

    def connect(self) -> None:
        make_bridge()
        for site in self.sites:
            site.connect()

    def start_server(self) -> None:
        ports = {"api": 18080, "gateway": 18000, "enroll": 18442, "session": 18443, "tunnel": 18444}
        options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
        command = [str(BIN / "homeport-server"), "--data-dir", str(self.folder / "server"), *options]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen([*command, "--agent-host", HEADQUARTERS], stdout=subprocess.PIPE, stderr=log)
        assert self.server.stdout
        if not self.server.stdout.readline():
            sys.exit((self.folder / "server.log").read_text())

    def join(self, site: Site) -> None:
        nodepool = {"id": "hosts", "compute_cluster": {"id": self.sites[site]}}
        token = self.api("POST", "/join-tokens", {"nodepool": nodepool})["token"]
        site.inside(
            *(str(BIN / "homeport-agent"), "join", "--server", f"{HEADQUARTERS}:18442", "--token", token),
            *("--state-dir", str(self.folder / site.name), "--name", site.name),
        )

    def start_agent(self, site: Site, variables: Mapping[str, str] | None = None) -> None:
        """Models outlive an agent that is killed; one that is told to end takes them along."""
        command = [str(BIN / "homeport-agent"), "run", "--state-dir", str(self.folder / site.name)]
        command += ["--name", site.name, "--allow-driver", "process", "--stop-replicas-on-exit"]
        with (self.folder / f"{site.name}.log").open("ab") as log:
            environment = {**os.environ, **(variables or {})}
            self.agents[site.name] = subprocess.Popen(site.command(*command), env=environment, stdout=log, stderr=log)

    def kill_server(self) -> None:
        assert self.server
        self.server.kill()
        self.server.wait()

    def kill_agent(self, site: Site) -> None:
        self.agents[site.name].kill()
        self.agents[site.name].wait()

    def clean_up(self) -> None:
        for agent in self.agents.values():
            agent.send_signal(signal.SIGTERM)
        for agent in self.agents.values():
            agent.wait()
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()
        for site in self.sites:
            site.remove()
        remove_bridge()

    # -- questions

    def homeport(self, *arguments: str) -> str:
        """What the command line says."""
        environment = {**os.environ, "HOMEPORT_API": API, "HOMEPORT_GATEWAY": GATEWAY, "HOMEPORT_TOKEN": self.token}
        command = [str(BIN / "homeport"), *arguments]
        ran = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"homeport {' '.join(arguments)}: {ran.stderr or ran.stdout}")
        return ran.stdout

    def apply(self, file: Path, **words: str) -> None:
        """With each of these words replaced."""
        text = file.read_text()
        for word, meant in words.items():
            text = text.replace(word, meant)
        (self.folder / file.name).write_text(text)
        self.homeport("apply", "-f", str(self.folder / file.name))

    @property
    def token(self) -> str:
        return (self.folder / "server" / "admin-token").read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self._json(method, f"{API}/api/v1{path}", body)

    def ask(self, deployment: str) -> Any:
        return self._json("GET", f"{GATEWAY}/d/{deployment}/")

    def replicas(self, deployment: str) -> list[dict[str, Any]]:
        """Those that are ready."""
        found = self.api("GET", "/replicas")["items"]
        return [each for each in found if each["deployment_id"] == deployment and each["status"] == "ready"]

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except (OSError, urllib.error.URLError, ValueError):
                pass
            time.sleep(0.2)
        sys.exit(f"not within {seconds:g} s: {what}; the logs are in {self.folder}")

    def _json(self, method: str, url: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, self.headers, method=method), timeout=30) as got:
            return json.loads(got.read())


def need_root() -> None:
    missing = [program for program in ("ip", "iptables") if not shutil.which(program)]
    if os.geteuid() or missing:
        sys.exit(f"this makes network namespaces: run it as root, with {' and '.join(missing or ['ip', 'iptables'])}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)
