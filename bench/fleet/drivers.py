"""The processes that are the nodes, asked together."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Seen:
    """By all nodes since the last time."""

    echo_ms: list[float]
    beats_late: int
    changes: dict[int, list[float]]
    ends: Counter[str]


class Drivers:
    """`upstream_port`: of a model server that all nodes serve; 0 = they serve nothing."""

    def __init__(self, folder: Path, count: int, upstream_port: int = 0) -> None:
        port = str(upstream_port)
        with (folder / "drivers.log").open("w") as log:
            self._processes = [
                subprocess.Popen(
                    [sys.executable, "-m", "bench.fleet.driver", str(folder), str(first), str(count), port],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
                for first in range(count)
            ]

    def begin(self, port: int) -> None:
        self._ask({"do": "begin", "port": port})

    @property
    def connected(self) -> int:
        return sum(answer["connected"] for answer in self._ask({"do": "counts"}))

    @property
    def attached(self) -> int:
        """Nodes with a tunnel."""
        return sum(answer["attached"] for answer in self._ask({"do": "counts"}))

    @property
    def in_flight(self) -> int:
        """Requests that their relays have."""
        return sum(answer["in_flight"] for answer in self._ask({"do": "counts"}))

    def seen(self) -> Seen:
        answers = self._ask({"do": "records"})
        changes: dict[int, list[float]] = {}
        for answer in answers:
            for seq, times in answer["changes"].items():
                changes.setdefault(int(seq), []).extend(times)
        ends: Counter[str] = Counter()
        for answer in answers:
            ends.update(answer["ends"])
        echo_ms = [each for answer in answers for each in answer["echo_ms"]]
        return Seen(echo_ms, sum(answer["beats_late"] for answer in answers), changes, ends)

    @property
    def cpu_seconds(self) -> float:
        times = [psutil.Process(process.pid).cpu_times() for process in self._processes]
        return float(sum(each.user + each.system for each in times))

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _ask(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        return [self._read(process) for process in self._processes]

    def _read(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("a driver of the bench ended early")
        answer: dict[str, Any] = json.loads(line)
        return answer
