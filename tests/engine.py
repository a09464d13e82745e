"""A Docker Engine of the tests' own: private socket, data and bridge; it touches no firewall and no other engine.

There is no registry: its image, localhost/homeport-test/busybox, is made of the static busybox of this host.
HOMEPORT_TEST_ENGINE=/run/podman/podman.sock names a running engine to test with instead, Docker or Podman.
"""

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

IMAGE = "localhost/homeport-test/busybox:1"
_BUSYBOX = Path("/bin/busybox")
_START_SECONDS = 60.0
_APPLETS = ("cat", "dd", "echo", "env", "head", "httpd", "id", "kill", "ls", "seq", "sh", "sleep", "tail", "touch")


def need_engine() -> None:
    """Skips where no engine can be run; in CI that is a failure."""
    missing = [tool for tool in ("dockerd", "ip", "setpriv") if shutil.which(tool) is None]
    if not _BUSYBOX.exists():
        missing.append("busybox-static")
    problem = "only root can" if os.geteuid() else f"install {', '.join(missing)}" if missing else ""
    if problem:
        message = f"containers are not tested, no engine can be run here: {problem}"
        if os.environ.get("HOMEPORT_TEST_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)


class Engine:
    """One that runs."""

    def __init__(self, socket_path: Path) -> None:
        self.socket = socket_path

    def add_image(self, name: str) -> None:
        """Busybox and nothing else."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as files:
            for folder in ("bin", "tmp", "dev", "proc", "sys", "etc"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
                files.addfile(entry)
            files.add(_BUSYBOX, "bin/busybox")
            for applet in _APPLETS:
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                files.addfile(link)
        self.call("POST", f"/images/create?fromSrc=-&repo={name}", archive.getvalue())

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "application/x-tar") -> Any:
        """The engine's answer, as JSON where it is."""
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        with contextlib.closing(connection):
            connection.sock.settimeout(60)
            connection.sock.connect(str(self.socket))
            connection.request(method, path, body, {"Content-Type": kind} if body else {})
            answer = connection.getresponse()
            content = answer.read()
        assert answer.status < 400, content
        try:
            return json.loads(content)
        except ValueError:
            return content

    def containers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/containers/json?all=1")
        return found

    def can_count(self) -> bool:
        """Whether it knows what its containers use, and which of them ran out of memory."""
        return True

    def _answers(self) -> bool:
        try:
            return bool(self.call("GET", "/_ping") == b"OK")
        except (OSError, http.client.HTTPException):
            return False


class PrivateEngine(Engine):
    """Containers outlive it while it is down, and are gone after `close`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "docker.sock")
        self._folder = folder
        self._bridge, self.bridge_address = _new_bridge()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # It ends with the thread that started it, also when that is killed: never start it in one of a pool.
        command = ["setpriv", "--pdeathsig", "TERM", "dockerd", "-H", f"unix://{self.socket}"]
        for option, name in (("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")):
            command += [option, str(self._folder / name)]
        command += ["--bridge", self._bridge, "--iptables=false", "--ip6tables=false", "--ip-masq=false"]
        command += ["--live-restore", "--default-ulimit", "nofile=1024:20000", "--default-ulimit", "nproc=4096:4096"]
        with (self._folder / "dockerd.log").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("dockerd did not start:\n" + (self._folder / "dockerd.log").read_text()[-4000:])
            time.sleep(0.1)

    def stop(self) -> None:
        """Containers run on."""
        self.signal(signal.SIGTERM)
        assert self._process is not None
        self._process.wait(60)
        self._process = None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def can_count(self) -> bool:
        """Not while the systemd of a test beside it has set up groups (cgroup v1) that this host does not show."""
        return b"cannot find cgroup mount destination" not in (self._folder / "dockerd.log").read_bytes()

    def close(self) -> None:
        if self._process is None or not self._answers():
            self.start()
        for container in self.containers():
            self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        self.stop()
        subprocess.run(["ip", "link", "delete", self._bridge], check=True)
        # The engine mounts its data upon itself, and with live-restore leaves it so.
        subprocess.run(["umount", str(self._folder / "data")], capture_output=True, check=False)


@contextlib.contextmanager
def engine_to_test() -> Iterator[Engine]:
    """The one that is named, or a private one."""
    named = os.environ.get("HOMEPORT_TEST_ENGINE")
    if named:
        engine = Engine(Path(named))
        engine.add_image(IMAGE)
        yield engine
        return
    with private_engine() as private:
        yield private


@contextlib.contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    need_engine()
    with tempfile.TemporaryDirectory(prefix="hpe-", ignore_cleanup_errors=True) as folder:
        engine = PrivateEngine(Path(folder))
        try:
            engine.start()
            engine.add_image(IMAGE)
            yield engine
        finally:
            engine.close()


def _new_bridge() -> tuple[str, str]:
    """(name, address) of a network that nobody else has: the name, which only one can take, stands for it."""
    for number in range(os.getpid() % 200, 255):
        name = f"hpe{number}"
        if subprocess.run(["ip", "link", "add", name, "type", "bridge"], capture_output=True, check=False).returncode:
            continue
        address = f"10.213.{number}.1"
        subprocess.run(["ip", "address", "add", f"{address}/24", "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        return name, address
    pytest.fail("no bridge is free")
