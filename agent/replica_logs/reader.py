"""The answer to a question for lines: what a replica prints, or what was kept of a failure."""

from collections.abc import AsyncIterator, Mapping

from agent.drivers.driver import Driver
from agent.link.messages import LogsQuestion
from agent.reconcile.loop import Reconciler
from agent.replica_logs.failures import Failures


class LogReader:
    def __init__(self, reconciler: Reconciler, failures: Failures, drivers: Mapping[str, Driver]) -> None:
        self._reconciler = reconciler
        self._failures = failures
        self._drivers = drivers

    def lines(self, question: LogsQuestion) -> AsyncIterator[bytes]:
        """Raises LookupError, which says why, for what is not here."""
        if question.previous:
            return self._previous(question)
        replica = self._reconciler.get(question.replica_id)
        if replica is None:
            raise LookupError(f"replica {question.replica_id} is not on this node any more")
        driver = self._drivers[replica.record.workload.driver]
        return driver.logs(question.replica_id, question.tail_lines, question.follow)

    def _previous(self, question: LogsQuestion) -> AsyncIterator[bytes]:
        text = self._failures.previous(question.deployment_id, question.replica_id, question.previous)
        if text is None:
            raise LookupError("no such failure is kept on this node")
        return _at_once(text)


async def _at_once(text: bytes) -> AsyncIterator[bytes]:
    yield text
