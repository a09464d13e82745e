"""Three sites with different GPUs: who serves what, and why; one is cut off and mended, then drained, under load.

sudo .venv/bin/python examples/multi-site/demo.py

Needs root, iproute2, iptables and a C compiler: sites are network namespaces, and their GPUs are those of a stand-in
for NVIDIA's library. All the while clients ask the deployment `chat`; the last line says how many were not answered.
"""

import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "lab"))
sys.path.insert(0, str(HERE.parents[1]))

from fleet import GATEWAY, Fleet, need_root, say  # noqa: E402
from network import Site  # noqa: E402

from tests.fakes.nvml import build_library  # noqa: E402

CLIENTS = 3
GPUS = {
    "hp-rack": ("2", "NVIDIA H100 80GB HBM3", "80"),
    "hp-lab": ("4", "NVIDIA L4", "24"),
    "hp-cloud": ("1", "NVIDIA A100-SXM4-80GB", "80"),
}


class Demo:
    def __init__(self, folder: Path) -> None:
        self.rack, self.lab, self.cloud = Site("hp-rack", 1), Site("hp-lab", 2), Site("hp-cloud", 3)
        self.fleet = Fleet(folder, {self.rack: "rack", self.lab: "lab", self.cloud: "cloud"})

    def run(self) -> None:
        fleet = self.fleet
        fleet.connect()
        fleet.start_server()
        model = str(HERE.absolute() / "model.py")
        fleet.apply(HERE / "sites.yaml", PYTHON=sys.executable, MODEL=model)
        library = str(build_library(fleet.folder))
        for site in fleet.sites:
            fleet.join(site)
            count, name, gib = GPUS[site.name]
            shape = {"FAKE_NVML_GPUS": count, "FAKE_NVML_NAME": name, "FAKE_NVML_GIB": gib}
            fleet.start_agent(site, variables={"LD_LIBRARY_PATH": library, **shape})
        fleet.wait_for(lambda: self.serving("chat") == ["rack"] and len(self.serving("embed")) == 2, "all serve")
        say("three sites: 2 x H100 in the rack, 4 x L4 in the lab, 1 x A100 in the cloud")
        say("chat, which needs 40 GiB of a GPU, is served in the rack, the first of its three choices")
        gpus = {fleet.ask("embed")["gpus"] for _ in range(4)}
        say(f"embed has two replicas on {len(gpus)} of the lab's GPUs, a half each")
        say("huge waits: " + fleet.homeport("explain", "huge").splitlines()[0])
        with Clients(fleet) as clients:
            self.cut_and_mend()
            self.drain()
        say(f"{clients.answered} requests were answered, {len(clients.problems)} were not")
        if clients.problems:
            sys.exit(f"the promise was not kept: {clients.problems[0]}")

    def cut_and_mend(self) -> None:
        self.rack.cut()
        cut = time.monotonic()
        say("link of the rack cut")
        self.fleet.wait_for(lambda: self.serving("chat") == ["cloud"], "the cloud serves chat")
        say(f"the cloud serves chat, {time.monotonic() - cut:.1f} s after the cut: the lab's GPUs are too small")
        self.rack.mend()
        self.fleet.wait_for(lambda: self.serving("chat") == ["rack"], "the rack serves chat again")
        say("link mended; chat is back in the rack, and nowhere else")

    def drain(self) -> None:
        for line in self.fleet.homeport("node", "drain", "hp-rack", "--dry-run").splitlines():
            say(f"  {line}")
        self.fleet.homeport("node", "drain", "hp-rack", "--watch")
        self.fleet.wait_for(lambda: self.serving("chat") == ["cloud"], "the cloud serves chat")
        say("the rack is drained: chat is in the cloud")
        self.fleet.homeport("node", "undrain", "hp-rack")
        self.fleet.wait_for(lambda: self.serving("chat") == ["rack"], "the rack serves chat again")
        say("the rack takes part again, and chat is back")

    def serving(self, deployment: str) -> list[str]:
        """The clusters of its ready replicas."""
        nodes = {node["id"]: node["spec"]["cluster"] for node in self.fleet.api("GET", "/nodes")["items"]}
        return [nodes[replica["node_id"]] for replica in self.fleet.replicas(deployment)]


class Clients:
    """They ask one after the other, do not try again, and wait up to a minute for an answer."""

    def __init__(self, fleet: Fleet) -> None:
        self.answered = 0
        self.problems: list[str] = []
        self._fleet = fleet
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        while not self._stopping.is_set():
            request = urllib.request.Request(f"{GATEWAY}/d/chat/", headers=self._fleet.headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    answer.read()
                self.answered += 1
            except urllib.error.HTTPError as error:
                self.problems.append(f"{error.code} {error.read().decode(errors='replace')}")
            except OSError as error:
                self.problems.append(str(error))


def main() -> None:
    need_root()
    with tempfile.TemporaryDirectory(prefix="homeport-multi-site-") as folder:
        demo = Demo(Path(folder))
        try:
            demo.run()
        finally:
            demo.fleet.clean_up()


if __name__ == "__main__":
    main()
