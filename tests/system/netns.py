"""Hosts as network namespaces on one switch, with links that a test can cut, reset and heal. Needs root.

    with Network() as network:
        server, host = network.host("server"), network.host("host")
        host.popen([...])             # a process that lives there
        with server.inside(): ...     # sockets that this thread opens are there
        host.cut()

Nothing of the machine's own network is touched: the switch is in a namespace, too. Whatever a run that was killed has
left behind is removed by the next one.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_LINK = "uplink"
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


def need_network_namespaces() -> None:
    """Skips where this user may not make any; in CI that is a failure."""
    if os.geteuid() == 0 and shutil.which("ip") and shutil.which("iptables"):
        return
    message = "network namespaces need root, iproute2 and iptables"
    if os.environ.get("HOMEPORT_TEST_ALL"):
        pytest.fail(message)
    pytest.skip(message)


class Host:
    """`address` is that of its one link. Each host has a loopback of its own."""

    def __init__(self, namespace: str, address: str) -> None:
        self.namespace = namespace
        self.address = address

    def popen(self, command: list[str], **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], text=True, **options)

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        line = ["ip", "netns", "exec", self.namespace, *command]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile belong to the host, and go on belonging to it."""
        with open("/proc/thread-self/ns/net") as home, open(_FOLDER / self.namespace) as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    # -- its link

    def cut(self) -> None:
        """A black hole: nothing arrives in either direction, nothing fails."""
        self._rule("INPUT", "-i", _LINK, "-j", "DROP")
        self._rule("OUTPUT", "-o", _LINK, "-j", "DROP")

    def deafen(self) -> None:
        """What it sends arrives, what is sent to it does not."""
        self._rule("INPUT", "-i", _LINK, "-j", "DROP")

    def reset(self) -> None:
        """Every connection over its link is reset at both ends, and so is every new one."""
        packet = ("-p", "tcp", "!", "--tcp-flags", "RST", "RST")
        self._rule("INPUT", "-i", _LINK, *packet, "-j", "REJECT", "--reject-with", "tcp-reset")
        self._rule("OUTPUT", "-o", _LINK, *packet, "-j", "REJECT", "--reject-with", "tcp-reset")
        _checked("ip", "netns", "exec", self.namespace, "ss", "-K", "-t", "src", self.address)

    def unplug(self) -> None:
        """No link at all, so no route: dialling fails at once."""
        _checked("ip", "-n", self.namespace, "link", "set", _LINK, "down")

    def plug_in(self) -> None:
        _checked("ip", "-n", self.namespace, "link", "set", _LINK, "up")

    def firewall(self, *allowed: str) -> None:
        """Drops all that arrives, but for answers to what the host itself began, and for `allowed` source addresses."""
        self._rule("INPUT", "-i", _LINK, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
        for address in allowed:
            self._rule("INPUT", "-i", _LINK, "-s", address, "-j", "ACCEPT")
        self._rule("INPUT", "-i", _LINK, "-j", "DROP")

    def heal(self) -> None:
        _checked("ip", "netns", "exec", self.namespace, "iptables", "-w", "-F")

    def _rule(self, *rule: str) -> None:
        _checked("ip", "netns", "exec", self.namespace, "iptables", "-w", "-A", *rule)


class Network:
    """Addresses are 10.88.0.0/24, in a world of their own."""

    def __init__(self) -> None:
        self._name = f"hp-{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"
        self._namespaces: list[str] = []

    def __enter__(self) -> "Network":
        _remove_leftovers()
        self._add(self._switch)
        _checked("ip", "-n", self._switch, "link", "add", "switch", "type", "bridge")
        _checked("ip", "-n", self._switch, "link", "set", "switch", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in reversed(self._namespaces):
            _remove(namespace)

    def host(self, name: str) -> Host:
        namespace, number = f"{self._name}-{name}", len(self._namespaces)
        self._add(namespace)
        port = f"port{number}"
        ends = ["type", "veth", "peer", "name", _LINK, "netns", namespace]
        _checked("ip", "-n", self._switch, "link", "add", port, *ends)
        _checked("ip", "-n", self._switch, "link", "set", port, "master", "switch", "up")
        _checked("ip", "-n", namespace, "address", "add", f"10.88.0.{number}/24", "dev", _LINK)
        _checked("ip", "-n", namespace, "link", "set", _LINK, "up")
        return Host(namespace, f"10.88.0.{number}")

    def _add(self, namespace: str) -> None:
        _checked("ip", "netns", "add", namespace)
        self._namespaces.append(namespace)
        _checked("ip", "-n", namespace, "link", "set", "lo", "up")


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the namespace")


def _remove_leftovers() -> None:
    for path in _FOLDER.glob("hp-*") if _FOLDER.is_dir() else ():
        pid = path.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _remove(path.name)


def _remove(namespace: str) -> None:
    """With all that still runs in it."""
    inside = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, timeout=60, check=False)
    for pid in inside.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=60, check=False)


def _checked(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
