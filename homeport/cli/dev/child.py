"""A program that `homeport dev` has started."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError

_SHOWN_LINES = 5


class ChildDied(HomeportError):
    """`last_lines` are the end of its log, empty when the message says it all."""

    def __init__(self, message: str, hint: str, last_lines: list[str]) -> None:
        super().__init__(ErrorCode.INTERNAL, message, hint=hint)
        self.last_lines = last_lines


class Child:
    """It runs in a session of its own, so that Ctrl-C reaches only `homeport dev`, which stops things in order.

    stderr goes to the log file. stdout is read for JSON events and otherwise dropped: it may hold a secret.
    """

    def __init__(self, name: str, program: str, arguments: list[str], log: Path, directory: Path) -> None:
        self.name = name
        self.log = log
        self.events: dict[str, dict[str, Any]] = {}
        self._program = program
        if log.exists():
            log.replace(log.with_name(log.name + ".1"))
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=directory,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._reader = threading.Thread(target=self._read_events, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Raises ChildDied once it has ended."""
        code = self._process.poll()
        if code is None:
            return
        lines = self.log.read_text(errors="replace").splitlines()
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        said = lines[-1] if lines else ""
        if said.startswith(f"{self._program}: "):
            raise ChildDied(said.removeprefix(f"{self._program}: "), f"full log: {self.log}", [])
        raise ChildDied(f"{self.name} ended ({how})", f"full log: {self.log}", lines[-_SHOWN_LINES:])

    def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL when it takes longer than that."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reader.join(1.0)

    def kill(self) -> None:
        if self.running:
            self._process.kill()
            self._process.wait()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "event" in event:
                    self.events[event["event"]] = event
