"""Log lines of a replica, asked of its agent over the session and pushed back over Bulk."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from homeport_proto.v1 import session_pb2 as pb

from homeport.core.errors import ErrorCode, HomeportError

# How long an agent may take to begin its answer; it says so with an empty chunk when there are no lines yet.
ANSWER_SECONDS = 10.0
# Chunks that may wait for a slow reader; then the agent is slowed down, not the memory filled.
_WAITING_CHUNKS = 16


@dataclass(slots=True)
class _Answer:
    """`items` ends with None or an error, which need no room: the end always gets through."""

    node_id: str
    items: asyncio.Queue[bytes | HomeportError | None] = field(default_factory=asyncio.Queue)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_WAITING_CHUNKS))


class LogBroker:
    """`ask(node_id, question) -> bool` sends a question; False when the node has no session."""

    def __init__(self, ask: Callable[[str, pb.Question], bool]) -> None:
        self._ask = ask
        self._open: dict[str, _Answer] = {}

    def lines(self, replica_id: str, node_id: str, tail: int, follow: bool) -> AsyncIterator[bytes]:
        """What a replica prints; see `_answer`."""
        return self._answer(node_id, pb.LogsQuestion(replica_id=replica_id, tail_lines=tail, follow=follow))

    def previous(self, deployment_id: str, node_id: str, replica: str, back: int) -> AsyncIterator[bytes]:
        """What a node kept of a failure; see `_answer`. `replica` is the beginning of an id, or empty."""
        question = pb.LogsQuestion(deployment_id=deployment_id, replica_id=replica, previous=back)
        return self._answer(node_id, question)

    async def _answer(self, node_id: str, question: pb.LogsQuestion) -> AsyncIterator[bytes]:
        """Whole lines, as they come. Raises UNAVAILABLE when the node cannot be asked or its link is lost."""
        question_id = uuid.uuid4().hex
        answer = self._open[question_id] = _Answer(node_id)
        try:
            if not self._ask(node_id, pb.Question(question_id=question_id, logs=question)):
                raise _not_connected(node_id)
            item = await _first(answer)
            while item is not None:
                if isinstance(item, HomeportError):
                    raise item
                answer.room.release()
                if item:
                    yield item
                item = await answer.items.get()
        finally:
            del self._open[question_id]
            answer.room.release()
            self._ask(node_id, pb.Question(question_id=question_id, cancel=pb.CancelQuestion()))

    async def push(self, node_id: str, question_id: str, lines: bytes) -> bool:
        """False when nobody reads any more: the agent can stop. Waits while the reader is slow."""
        answer = self._open.get(question_id)
        if answer is None or answer.node_id != node_id:
            return False
        await answer.room.acquire()
        if question_id not in self._open:
            answer.room.release()  # for the next one who waits, to find the same
            return False
        answer.items.put_nowait(lines)
        return True

    def end(self, node_id: str, question_id: str, problem: str = "") -> None:
        """The answer is complete, or cannot be given. Unknown questions (the reader left) are ignored."""
        answer = self._open.get(question_id)
        if answer is not None and answer.node_id == node_id:
            answer.items.put_nowait(HomeportError(ErrorCode.UNAVAILABLE, problem) if problem else None)

    def node_lost(self, node_id: str) -> None:
        for question_id in list(self._open):
            self.end(node_id, question_id, "the link to the node was lost")


async def _first(answer: _Answer) -> bytes | HomeportError | None:
    try:
        return await asyncio.wait_for(answer.items.get(), ANSWER_SECONDS)
    except TimeoutError:
        raise HomeportError(
            ErrorCode.UNAVAILABLE, f"node {answer.node_id} did not answer within {ANSWER_SECONDS:g} s", hint="try again"
        ) from None


def _not_connected(node_id: str) -> HomeportError:
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"node {node_id} is not connected, so its logs cannot be read",
        hint="homeport node list shows since when",
    )
