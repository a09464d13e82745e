"""A host to install things on: a container that systemd runs in."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BOOT_SECONDS = 60.0
_COMMAND_SECONDS = 300.0
# What systemd needs to be the first process of a container.
_OPTIONS = (
    "--network=none", "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
    "--tmpfs=/run", "--tmpfs=/run/lock", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host",
    "--stop-signal=SIGRTMIN+3", "--stop-timeout=60", "--env=container=docker",
)  # fmt: skip


class Machine:
    """`with Machine(engine_socket, image) as machine`: it is up, and gone afterwards."""

    def __init__(self, engine_socket: Path, image: str) -> None:
        self._engine = ["docker", "--host", f"unix://{engine_socket}"]
        self._image = image
        self._id = ""

    def __enter__(self) -> "Machine":
        started = self._docker("run", "--detach", "--hostname=rack7", *_OPTIONS, self._image, "/sbin/init")
        self._id = started.stdout.strip()
        self._wait_for_boot()
        return self

    def __exit__(self, *_: object) -> None:
        self._docker("rm", "--force", "--volumes", self._id)

    def copy(self, source: Path, target: str) -> None:
        self._docker("cp", str(source), f"{self._id}:{target}")

    def sh(self, line: str, stdin: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """A line as root types it. Fails the test when it fails, unless told not to."""
        command = [*self._engine, "exec", "--interactive", self._id, "bash", "-c", line]
        ran = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
        assert not check or ran.returncode == 0, f"{line}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def json(self, line: str) -> Any:
        return json.loads(self.sh(line).stdout)

    def until(self, condition: Callable[[], Any], what: str, within: float = 60.0) -> Any:
        """What the condition gives as soon as that is something."""
        ends = time.monotonic() + within
        while not (found := condition()):
            assert time.monotonic() < ends, f"not within {within} s: {what}\n{self.journal()}"
            time.sleep(0.2)
        return found

    def journal(self) -> str:
        return self.sh("journalctl --no-pager --lines 60 --output cat", check=False).stdout

    def reboot(self) -> None:
        self._docker("restart", self._id)
        self._wait_for_boot()

    def _wait_for_boot(self) -> None:
        def is_up() -> bool:
            state = self.sh("systemctl is-system-running", check=False).stdout.strip()
            return state in ("running", "degraded")

        self.until(is_up, "the machine has booted", _BOOT_SECONDS)

    def _docker(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        ran = subprocess.run(
            [*self._engine, *arguments], capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
        assert ran.returncode == 0, f"docker {' '.join(arguments)}: {ran.stderr}"
        return ran
