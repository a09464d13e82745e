"""Answers to questions that may be long: log lines, pushed on a connection of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import grpc
import structlog
from homeport_proto.v1 import bulk_pb2 as pb
from homeport_proto.v1 import bulk_pb2_grpc

from agent.drivers.driver import DriverError
from agent.link.channel import node_credentials
from agent.link.messages import LogsQuestion
from agent.state.identity import Identity
from homeport.grpc_dialer import open_channel

if TYPE_CHECKING:
    _Call = grpc.aio.StreamUnaryCall[pb.LogChunk, pb.PushLogsResult]

log = structlog.get_logger()

_MOST_AT_ONCE = 32


class LogPusher:
    """`lines(question)` reads what is asked for. It raises LookupError, whose text says why, for what is not here."""

    def __init__(self, identity: Callable[[], Identity], lines: Callable[[LogsQuestion], AsyncIterator[bytes]]) -> None:
        self._identity = identity
        self._lines = lines
        self._pushing: dict[str, asyncio.Task[None]] = {}

    def begin(self, question: LogsQuestion, target: str) -> str:
        """Starts to push. Returns why that can't be, or nothing."""
        if len(self._pushing) >= _MOST_AT_ONCE:
            return f"this node answers {_MOST_AT_ONCE} questions already; try again later"
        try:
            lines = self._lines(question)
        except LookupError as error:
            return str(error.args[0])
        task = asyncio.create_task(self._push(question.question_id, target, lines), name="push-logs")
        self._pushing[question.question_id] = task
        task.add_done_callback(lambda _: self._pushing.pop(question.question_id, None))
        return ""

    def cancel(self, question_id: str) -> None:
        task = self._pushing.get(question_id)
        if task:
            task.cancel()

    async def close(self) -> None:
        tasks = list(self._pushing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _push(self, question_id: str, target: str, lines: AsyncIterator[bytes]) -> None:
        async with open_channel(target, node_credentials(self._identity())) as channel:
            call = bulk_pb2_grpc.BulkStub(channel).PushLogs()
            # The control plane ends the call when its reader has left, which a quiet log would never notice.
            ended = asyncio.ensure_future(_finished(call))
            writing = asyncio.create_task(_write(call, question_id, lines))
            try:
                await asyncio.wait({ended, writing}, return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    await call.done_writing()
                    await ended
            except (grpc.RpcError, asyncio.InvalidStateError) as error:
                log.info("log answer broken off", question_id=question_id, error=type(error).__name__)
            finally:
                writing.cancel()
                ended.cancel()
                call.cancel()
                await asyncio.gather(writing, ended, return_exceptions=True)


async def _write(call: "_Call", question_id: str, lines: AsyncIterator[bytes]) -> None:
    await call.write(pb.LogChunk(question_id=question_id))
    try:
        async for chunk in lines:
            await call.write(pb.LogChunk(question_id=question_id, lines=chunk))
    except OSError as error:
        await call.write(pb.LogChunk(question_id=question_id, problem=f"the log cannot be read: {error.strerror}"))
    except DriverError as error:
        await call.write(pb.LogChunk(question_id=question_id, problem=f"the log cannot be read: {error}"))


async def _finished(call: "_Call") -> None:
    await call
