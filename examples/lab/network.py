"""Networks on one machine: a namespace per site, which lets nothing in that it did not ask for."""

import contextlib
import subprocess

BRIDGE = "hp-hq"
HEADQUARTERS = "10.231.0.1"


class Site:
    """`name` is also the namespace's. Its host can reach headquarters; nobody can reach its host."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = f"10.231.0.{10 + number}"
        self._outside = f"hp-out{number}"

    def connect(self) -> None:
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._outside, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", self._outside, "master", BRIDGE, "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("iptables", "-P", "INPUT", "DROP")
        self.inside("iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
        self.inside("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")

    def cut(self) -> None:
        """As when somebody digs up the cable: packets vanish, nobody is told."""
        self.inside("iptables", "-I", "INPUT", "-i", "eth0", "-j", "DROP")
        self.inside("iptables", "-I", "OUTPUT", "-o", "eth0", "-j", "DROP")

    def mend(self) -> None:
        self.inside("iptables", "-D", "INPUT", "-i", "eth0", "-j", "DROP")
        self.inside("iptables", "-D", "OUTPUT", "-o", "eth0", "-j", "DROP")

    def inside(self, *command: str) -> None:
        run(*self.command(*command))

    def command(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def remove(self) -> None:
        for command in (("ip", "link", "delete", self._outside), ("ip", "netns", "delete", self.name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                run(*command)


def make_bridge() -> None:
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{HEADQUARTERS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def remove_bridge() -> None:
    with contextlib.suppress(subprocess.CalledProcessError):
        run("ip", "link", "delete", BRIDGE)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
