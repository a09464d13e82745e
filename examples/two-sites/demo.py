"""Two sites behind closed firewalls serve one deployment, and lose link, agent and control plane one after the other.

sudo .venv/bin/python examples/two-sites/demo.py

Needs root, iproute2 and iptables: it makes two network namespaces and removes them again. All the while a client
streams from site B; the last lines say what it noticed.
"""

import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "lab"))

from fleet import GATEWAY, Fleet, need_root, say  # noqa: E402
from network import Site  # noqa: E402


class Demo:
    def __init__(self, folder: Path) -> None:
        self.a, self.b = Site("hp-site-a", 1), Site("hp-site-b", 2)
        self.fleet = Fleet(folder, {self.a: "site-a", self.b: "site-b"})

    def run(self) -> None:
        self.fleet.connect()
        say("two sites, each behind a firewall that lets nothing in")
        self.fleet.start_server()
        model = str(HERE.absolute() / "model.py")
        self.fleet.apply(HERE / "sites.yaml", PYTHON=sys.executable, MODEL=model)
        for site in (self.a, self.b):
            self.fleet.join(site)
            self.fleet.start_agent(site)
        self.fleet.wait_for(lambda: self.count_ready() == 2, "a replica on each site")
        before = self.processes()
        with Stream(self.open_streams(), self.b.address) as stream:
            self.cut_link(stream)
            self.kill_agent(stream)
            self.kill_server(stream)
            after = self.processes()
            say(f"the client at site B got {stream.received} numbers in order, the longest pause {stream.pause:.2f} s")
        restarts = sum(replica["restarts"] for replica in self.fleet.replicas("counter"))
        say(f"models restarted: {restarts}; the same processes as at the start: {before == after}")
        if before != after or restarts or stream.problem:
            sys.exit(f"the promise was not kept: {stream.problem or 'a model was restarted'}")

    def cut_link(self, stream: "Stream") -> None:
        self.a.cut()
        cut = time.monotonic()
        say("link of site A cut")
        self.fleet.wait_for(lambda: self.asked_four_times() == {self.b.address}, "all requests go to site B")
        say(f"all new requests are answered by site B, {time.monotonic() - cut:.1f} s after the cut")
        self.a.mend()
        self.fleet.wait_for(lambda: self.a.address in self.asked_four_times(), "site A serves again")
        say("link mended; site A serves again")
        stream.check()

    def kill_agent(self, stream: "Stream") -> None:
        self.fleet.kill_agent(self.a)
        say("agent of site A killed with -9")
        self.fleet.wait_for(lambda: self.asked_four_times() == {self.b.address}, "all requests go to site B")
        self.fleet.start_agent(self.a)
        self.fleet.wait_for(lambda: self.a.address in self.asked_four_times(), "site A serves again")
        say("agent started again; it found its model running")
        stream.check()

    def kill_server(self, stream: "Stream") -> None:
        self.fleet.kill_server()
        say("control plane killed with -9")
        stream.check()
        assert self.fleet.ask("counter")["pid"]
        say("requests are still answered")
        self.fleet.start_server()
        self.fleet.wait_for(lambda: self.count_ready() == 2, "both agents are back")
        say("control plane started again; both agents are back")
        stream.check()

    # -- questions

    def asked_four_times(self) -> set[str]:
        return {self.fleet.ask("counter")["address"] for _ in range(4)}

    def count_ready(self) -> int:
        return len(self.fleet.replicas("counter"))

    def open_streams(self) -> dict[str, Any]:
        """One of each site, by its address. Who has the fewest requests gets the next, so some stay open until then."""
        while True:
            streams = []
            for _ in range(4):
                request = urllib.request.Request(f"{GATEWAY}/d/counter/stream", headers=self.fleet.headers)
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


def main() -> None:
    need_root()
    with tempfile.TemporaryDirectory(prefix="homeport-two-sites-") as folder:
        demo = Demo(Path(folder))
        try:
            demo.run()
        finally:
            demo.fleet.clean_up()


if __name__ == "__main__":
    main()
