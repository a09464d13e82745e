"""The folder of kept failures. A disk that takes no more costs the record of a failure, never a restart."""

from collections.abc import Iterator
from pathlib import Path

import structlog

from agent.replica_logs.failure import Failure, decode
from agent.replica_logs.retention import Kept, superfluous

log = structlog.get_logger()

# Of the end of the output.
TAIL_BYTES = 64 * 1024


class Failures:
    """One file for each, in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, deployment_id: str, replica_id: str, at: float, reason: str, output: bytes) -> None:
        number = 1 + max((each.failure.number for each in self._of(replica_id)), default=0)
        failure = Failure(deployment_id, replica_id, number, at, reason)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(failure)
            path.touch(mode=0o600)
            path.write_bytes(failure.encode(output[-TAIL_BYTES:]))
        except OSError as error:
            log.warning("output of a failure not kept", replica_id=replica_id, error=str(error))
        self._drop(superfluous(self._of(replica_id), frozenset({replica_id}), at))

    def tidy(self, alive: frozenset[str], now: float) -> None:
        self._drop(superfluous(self._all(), alive, now))

    def previous(self, deployment_id: str, replica: str, back: int) -> bytes | None:
        """A heading and the output of the newest failure of a deployment for `back` 1, of the one before for 2, ...
        `replica` is an id or the beginning of one. None when there are not so many."""
        mine = [
            each.failure
            for each in self._all()
            if each.failure.deployment_id == deployment_id and each.failure.replica_id.startswith(replica)
        ]
        mine.sort(key=lambda failure: (failure.at, failure.number), reverse=True)
        if not 1 <= back <= len(mine):
            return None
        failure = mine[back - 1]
        try:
            _, _, output = self._path(failure).read_bytes().partition(b"\n")
        except OSError:
            return None
        end = b"" if not output or output.endswith(b"\n") else b"\n"
        return failure.heading().encode() + b"\n" + output + end

    def _path(self, failure: Failure) -> Path:
        return self._directory / f"{failure.replica_id}.{failure.number}.log"

    def _of(self, replica_id: str) -> list[Kept]:
        return [each for each in self._all(f"{replica_id}.*.log") if each.failure.replica_id == replica_id]

    def _all(self, pattern: str = "*.log") -> Iterator[Kept]:
        for path in list(self._directory.glob(pattern)):
            try:
                with path.open("rb") as file:
                    failure = decode(file.readline())
                size = path.stat().st_size
            except OSError:
                continue
            if failure is not None and self._path(failure) == path:
                yield Kept(failure, size)
            else:
                path.unlink(missing_ok=True)  # torn by the end of the agent

    def _drop(self, failures: list[Failure]) -> None:
        for failure in failures:
            self._path(failure).unlink(missing_ok=True)
