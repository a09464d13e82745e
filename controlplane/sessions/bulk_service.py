"""The servicer behind `Bulk`: log lines that agents push."""

from collections.abc import AsyncIterator
from typing import Any

from homeport_proto.v1 import bulk_pb2 as pb
from homeport_proto.v1 import bulk_pb2_grpc

from controlplane.sessions.logs import LogBroker
from homeport.identity import peer_node_id


class BulkService(bulk_pb2_grpc.BulkServicer):
    def __init__(self, logs: LogBroker) -> None:
        self._logs = logs

    async def PushLogs(self, request_iterator: AsyncIterator[pb.LogChunk], context: Any) -> pb.PushLogsResult:
        node_id = peer_node_id(context.auth_context()) or ""
        question_id = ""
        async for chunk in request_iterator:
            question_id = chunk.question_id
            if chunk.problem:
                self._logs.end(node_id, question_id, chunk.problem)
            elif not await self._logs.push(node_id, question_id, chunk.lines):
                return pb.PushLogsResult()
        self._logs.end(node_id, question_id)
        return pb.PushLogsResult()
