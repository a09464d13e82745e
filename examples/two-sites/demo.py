"""Two sites behind closed firewalls serve one deployment, and lose link, agent and control plane one after the other.

sudo .venv/bin/python examples/two-sites/demo.py

Needs root, iproute2 and iptables: it makes two network namespaces and removes them again. All the while a client
streams from site B; the last lines say what it noticed.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from network import HEADQUARTERS, Site, make_bridge, remove_bridge

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
API, GATEWAY = "http://127.0.0.1:18080", "http://127.0.0.1:18000"
BEGAN = time.monotonic()


class Demo:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.a, self.b = Site("hp-site-a", 1), Site("hp-site-b", 2)
        self.server: subprocess.Popen[bytes] | None = None
        self.agents: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        make_bridge()
        for site in (self.a, self.b):
            site.connect()
        say("two sites, each behind a firewall that lets nothing in")
        self.start_server()
        self.apply()
        for site, cluster in ((self.a, "site-a"), (self.b, "site-b")):
            self.join(site, cluster)
            self.start_agent(site)
        self.wait_for(lambda: self.count_ready() == 2, "a replica on each site")
        before = self.processes()
        with Stream(self.open_streams(), self.b.address) as stream:
            self.cut_link(stream)
            self.kill_agent(stream)
            self.kill_server(stream)
            after = self.processes()
            say(f"the client at site B got {stream.received} numbers in order, the longest pause {stream.pause:.2f} s")
        restarts = sum(replica["restarts"] for replica in self.api("GET", "/replicas")["items"])
        say(f"models restarted: {restarts}; the same processes as at the start: {before == after}")
        if before != after or restarts or stream.problem:
            sys.exit(f"the promise was not kept: {stream.problem or 'a model was restarted'}")

    def cut_link(self, stream: "Stream") -> None:
        self.a.cut()
        cut = time.monotonic()
        say("link of site A cut")
        self.wait_for(lambda: self.asked_four_times() == {self.b.address}, "all requests go to site B")
        say(f"all new requests are answered by site B, {time.monotonic() - cut:.1f} s after the cut")
        self.a.mend()
        self.wait_for(lambda: self.a.address in self.asked_four_times(), "site A serves again")
        say("link mended; site A serves again")
        stream.check()

    def kill_agent(self, stream: "Stream") -> None:
        self.agents[self.a.name].kill()
        self.agents[self.a.name].wait()
        say("agent of site A killed with -9")
        self.wait_for(lambda: self.asked_four_times() == {self.b.address}, "all requests go to site B")
        self.start_agent(self.a)
        self.wait_for(lambda: self.a.address in self.asked_four_times(), "site A serves again")
        say("agent started again; it found its model running")
        stream.check()

    def kill_server(self, stream: "Stream") -> None:
        assert self.server
        self.server.kill()
        self.server.wait()
        say("control plane killed with -9")
        stream.check()
        assert self.ask()["pid"]
        say("requests are still answered")
        self.start_server()
        self.wait_for(lambda: self.count_ready() == 2, "both agents are back")
        say("control plane started again; both agents are back")
        stream.check()

    # -- programs

    def start_server(self) -> None:
        ports = {"api": 18080, "gateway": 18000, "enroll": 18442, "session": 18443, "tunnel": 18444}
        options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
        command = [str(BIN / "homeport-server"), "--data-dir", str(self.folder / "server"), *options]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen([*command, "--agent-host", HEADQUARTERS], stdout=subprocess.PIPE, stderr=log)
        assert self.server.stdout
        if not self.server.stdout.readline():
            sys.exit((self.folder / "server.log").read_text())

    def join(self, site: Site, cluster: str) -> None:
        nodepool = {"id": "hosts", "compute_cluster": {"id": cluster}}
        token = self.api("POST", "/join-tokens", {"nodepool": nodepool})["token"]
        site.inside(
            *(str(BIN / "homeport-agent"), "join", "--server", f"{HEADQUARTERS}:18442", "--token", token),
            *("--state-dir", str(self.folder / site.name)),
        )

    def start_agent(self, site: Site, *options: str) -> None:
        command = [str(BIN / "homeport-agent"), "run", "--state-dir", str(self.folder / site.name)]
        command += ["--name", site.name, "--allow-driver", "process", *options]
        with (self.folder / f"{site.name}.log").open("ab") as log:
            self.agents[site.name] = subprocess.Popen(site.command(*command), stdout=log, stderr=log)

    def clean_up(self) -> None:
        for site in (self.a, self.b):
            if site.name in self.agents:
                self.agents[site.name].kill()
                self.agents[site.name].wait()
                self.start_agent(site, "--stop-replicas-on-exit")
                time.sleep(2)
                self.agents[site.name].send_signal(signal.SIGTERM)
        for agent in self.agents.values():
            agent.wait()
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()
        for site in (self.a, self.b):
            site.remove()
        remove_bridge()

    # -- questions

    def apply(self) -> None:
        text = (HERE / "sites.yaml").read_text()
        text = text.replace("PYTHON", sys.executable).replace("MODEL", str(HERE.absolute() / "model.py"))
        (self.folder / "sites.yaml").write_text(text)
        environment = {**os.environ, "HOMEPORT_API": API, "HOMEPORT_GATEWAY": GATEWAY, "HOMEPORT_TOKEN": self.token}
        command = [str(BIN / "homeport"), "apply", "-f", str(self.folder / "sites.yaml")]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    @property
    def token(self) -> str:
        return (self.folder / "server" / "admin-token").read_text().strip()

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self._json(method, f"{API}/api/v1{path}", body)

    def ask(self) -> Any:
        return self._json("GET", f"{GATEWAY}/d/counter/")

    def asked_four_times(self) -> set[str]:
        return {self.ask()["address"] for _ in range(4)}

    def count_ready(self) -> int:
        return sum(replica["status"] == "ready" for replica in self.api("GET", "/replicas")["items"])

    def open_streams(self) -> dict[str, Any]:
        """One of each site, by its address. Who has the fewest requests gets the next, so some stay open until then."""
        while True:
            streams = []
            for _ in range(4):
                request = urllib.request.Request(f"{GATEWAY}/d/counter/stream", headers=self._headers)
                streams.append(urllib.request.urlopen(request, timeout=30))
            by_site = {stream.readline().decode().split()[2]: stream for stream in streams}
            for stream in streams:
                if len(by_site) < 2 or stream not in by_site.values():
                    stream.close()
            if len(by_site) == 2:
                return by_site
            time.sleep(0.5)

    def processes(self) -> dict[str, str]:
        """The process id of each site's model, by the site's address."""
        found = {}
        for address, stream in self.open_streams().items():
            stream.readline()
            found[address] = stream.readline().decode().split()[3]
            stream.close()
        return found

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

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def _json(self, method: str, url: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, self._headers, method=method), timeout=30) as got:
            return json.loads(got.read())


class Stream:
    """A client that reads one stream of one site, in a thread of its own."""

    def __init__(self, streams: dict[str, Any], address: str) -> None:
        self.received = 0
        self.pause = 0.0
        self.problem = ""
        self._response, self._last = streams.pop(address), time.monotonic()
        for other in streams.values():
            other.close()
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True

    def check(self) -> None:
        """Ends the demo unless the stream still runs."""
        before = self.received
        time.sleep(1)
        if self.problem or self.received == before:
            sys.exit(f"the stream from site B broke: {self.problem or 'nothing came for a second'}")

    def _read(self) -> None:
        try:
            while not self._stopping:
                line = self._response.readline()
                if not line:
                    self.problem = "it ended"
                    return
                if line.startswith(b"data:"):
                    self.received += 1
                    if line.split()[1] != b"%d" % self.received:
                        self.problem = f"after {self.received - 1} came {line.decode().strip()}"
                        return
                    now = time.monotonic()
                    self.pause, self._last = max(self.pause, now - self._last), now
        except OSError as error:
            self.problem = str(error)


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def main() -> None:
    missing = [program for program in ("ip", "iptables") if not shutil.which(program)]
    if os.geteuid() or missing:
        sys.exit(f"this makes network namespaces: run it as root, with {' and '.join(missing or ['ip', 'iptables'])}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with tempfile.TemporaryDirectory(prefix="homeport-two-sites-") as folder:
        demo = Demo(Path(folder))
        try:
            demo.run()
        finally:
            demo.clean_up()


if __name__ == "__main__":
    main()
