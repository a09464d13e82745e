"""The servicer behind `Bulk`: log lines that agents push."""

from collections.abc import AsyncIterator
from typing import Any

from homeport_proto.v1 import bulk_pb2 as pb
from homeport_proto.v1 import bulk_pb2_grpc

from controlplane.auth.peer import shown_by
from controlplane.sessions.doorkeeper import Doorkeeper, refuse
from controlplane.sessions.logs import LogBroker
from homeport.core.node_identity import EXPLANATIONS, Refusal


class BulkService(bulk_pb2_grpc.BulkServicer):
    def __init__(self, doorkeeper: Doorkeeper, logs: LogBroker) -> None:
        self._doorkeeper = doorkeeper
        self._logs = logs

    async def PushLogs(self, request_iterator: AsyncIterator[pb.LogChunk], context: Any) -> pb.PushLogsResult:
        shown = shown_by(context.auth_context())
        refusal = self._doorkeeper.refusal(shown)
        if shown is None or refusal is not None:
            await refuse(context, refusal or Refusal.NOT_ENROLLED)
            raise AssertionError  # abort raises
        node_id, question_id = shown.node_id, ""
        async for chunk in request_iterator:
            refusal = self._doorkeeper.refusal_of_open(shown)
            if refusal is not None:
                self._logs.end(node_id, question_id, EXPLANATIONS[refusal])
                await refuse(context, refusal)
            question_id = chunk.question_id
            if chunk.problem:
                self._logs.end(node_id, question_id, chunk.problem)
            elif not await self._logs.push(node_id, question_id, chunk.lines):
                return pb.PushLogsResult()
        self._logs.end(node_id, question_id)
        return pb.PushLogsResult()
