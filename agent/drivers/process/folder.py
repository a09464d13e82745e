"""What a replica leaves on disk: its output, and a note of who it was for when it no longer runs."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from agent.drivers.driver import Labels, StartRefused
from agent.drivers.output import MAX_BYTES, Output
from agent.drivers.process.environment import Marks
from homeport.core import canonical


class ReplicaFolder:
    def __init__(self, path: Path, log_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.output = Output(path, log_bytes)
        self._note = path / "replica.json"

    def open(self, marks: Marks) -> int:
        """A file descriptor for the output of a new life. Raises StartRefused: a full disk is a reason, not a crash."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._note.write_text(json.dumps(dataclasses.asdict(marks)))
            return self.output.open_for_append()
        except OSError as error:
            raise StartRefused(f"{self.path} cannot be written: {error.strerror}") from None

    def marks(self) -> Marks:
        """Of its last life. What cannot be read leaves the folder's name, which is the replica's id."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            note = json.loads(self._note.read_text())
            labels = canonical.from_plain(Labels, note["labels"])
            return Marks(labels, note["host"], note["port"], note.get("grpc_port", 0))
        return Marks(Labels(self.path.name, ""), "", 0)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def folders_in(directory: Path, log_bytes: int) -> Iterator[ReplicaFolder]:
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(directory.iterdir()):
            yield ReplicaFolder(path, log_bytes)
