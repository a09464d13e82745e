"""One `homeport dev` for all tests of this folder that need one, as a user would run it."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
SAMPLE_STAMP = ROOT / ".models" / "smollm2" / "homeport-sample"
START_SECONDS = 120.0
STOP_SECONDS = 60.0
SHELL_SECONDS = 280.0  # a model on two busy cores writes a few tokens a second


def need_sample() -> None:
    """Skips where `make setup` has not made the sample model's environment; in CI that is a failure."""
    if not SAMPLE_STAMP.exists():
        message = "the sample model's environment is missing: make setup"
        if os.environ.get("HOMEPORT_TEST_ALL"):
            pytest.fail(message)
        pytest.skip(message)


@dataclass(slots=True)
class Home:
    """A user's folders and ports. The folder's name is in the arguments or open files of whatever dev starts."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: free_ports(5))

    @property
    def data_dir(self) -> Path:
        return self.folder / "data" / "homeport" / "dev"

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HOMEPORT_")}
        return {
            **kept,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "COLUMNS": "160",
        }

    def dev_command(self, *options: str) -> list[str]:
        names = ("api", "gateway", "enroll", "session", "tunnel")
        ports = [text for name, port in zip(names, self.ports, strict=True) for text in (f"--{name}-port", str(port))]
        return [str(BIN / "homeport"), "dev", *ports, *options]

    def dev(self, *options: str) -> subprocess.CompletedProcess[str]:
        """One `homeport dev` that ends by itself."""
        return subprocess.run(
            self.dev_command(*options),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS + STOP_SECONDS,
            check=False,
        )

    def shell(self, line: str, timeout: float = SHELL_SECONDS) -> subprocess.CompletedProcess[str]:
        """A line as a user types it in the checkout."""
        return subprocess.run(
            ["bash", "-c", line],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def homeport(self, arguments: str) -> subprocess.CompletedProcess[str]:
        return self.shell(f".venv/bin/homeport {arguments}")

    def processes(self) -> dict[int, str]:
        """Whatever runs with this folder in its arguments or among its open files."""
        mark = os.fsencode(self.folder)
        return {pid: text for pid, text in map(_describe, _pids()) if mark in os.fsencode(text)}


@dataclass(slots=True)
class RunningDev:
    """A `homeport dev` in the state that a user sees after its last line."""

    home: Home
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if line.startswith("Ctrl-C stops"):
                    self.ready.set()
        self.ready.set()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Waits until it has ended and all of its output is read; the exit code."""
        code = self.process.wait(STOP_SECONDS)
        self.reader.join(STOP_SECONDS)
        return code

    def printed(self, beginning: str) -> str:
        """The line to copy that begins so."""
        return next(line.strip() for line in self.output if line.strip().startswith(beginning))


def start_dev(home: Home, *options: str) -> RunningDev:
    need_sample()
    process = subprocess.Popen(
        home.dev_command(*options),
        cwd=ROOT,
        env=home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = RunningDev(home, process)
    if not running.ready.wait(START_SECONDS) or process.poll() is not None:
        running.interrupt()
        pytest.fail("homeport dev did not start:\n" + "".join(running.output))
    return running


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty one. Whatever is left running at the end is killed, and fails the test."""
    with tempfile.TemporaryDirectory(prefix="hp-") as folder:
        home = Home(Path(folder))
        yield home
        left = home.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left


@pytest.fixture(scope="session")
def dev() -> Iterator[RunningDev]:
    """Shared by tests that only use it."""
    with tempfile.TemporaryDirectory(prefix="hp-") as folder:
        running = start_dev(Home(Path(folder)))
        try:
            yield running
        finally:
            code = running.interrupt()
            for pid in running.home.processes():
                os.kill(pid, signal.SIGKILL)
        assert code == 0, "".join(running.output)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _describe(pid: int) -> tuple[int, str]:
    texts = []
    try:
        texts.append(Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " "))
        texts += [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        pass
    return pid, " ".join(texts)
