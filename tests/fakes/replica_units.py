"""What systemd does with homeport-replica.socket and homeport-replica@.service, without systemd: a process of its own,
since whose child a replica is matters.
"""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


class FakeReplicaUnits:
    """`with FakeReplicaUnits(folder) as units`: units.environ is the agent's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "exits").mkdir()
        self.environ = {
            "HOMEPORT_REPLICA_SOCKET": str(folder / "replica.sock"),
            "HOMEPORT_REPLICA_EXITS": str(folder / "exits"),
        }

    def __enter__(self) -> "FakeReplicaUnits":
        command = [sys.executable, "-m", "tests.fakes.replica_units", str(self._folder)]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=60)


def main(folder: Path) -> None:
    """Each connection gets a process. Until it is killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "replica.sock"))
        listener.listen()
        print("listening", flush=True)  # noqa: T201
        number = 0
        while True:
            connection, _ = listener.accept()
            exit_file = folder / "exits" / f"{number}-1-0"
            threading.Thread(target=_run_unit, args=(connection, exit_file), daemon=True).start()
            number += 1


def _run_unit(connection: socket.socket, exit_file: Path) -> None:
    """As systemd, it holds the connection until the process has ended, and reaps it."""
    command = [sys.executable, "-I", "-m", "agent.drivers.become_replica", exit_file.name]
    with connection:
        code = subprocess.run(command, stdin=connection.fileno(), start_new_session=True, check=False).returncode
    text = f"exit-code exited {code}" if code >= 0 else f"signal killed {signal.Signals(-code).name[3:]}"
    exit_file.write_text(f"{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
