from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.apply import Applied, apply_documents
from controlplane.fleet.explaining import explain_deployment
from controlplane.fleet.kinds import kinds_with
from homeport.core.errors import ErrorCode
from homeport.schema.apply import ApplyRequest
from homeport.schema.documents import parse_documents
from homeport.schema.edited import ApplyResult


class Documents:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._fleet_view = dependencies.fleet_view
        self._kinds = kinds_with(dependencies.vault)

    def routes(self) -> list[Route]:
        return [
            Route(
                "POST",
                "/apply",
                self.apply,
                "apply",
                "Bring objects in line with documents: all of them in one transaction, or none",
                body=ApplyRequest,
                response=ApplyResult,
                anyone="each document is asked about on its own",
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            )
        ]

    async def apply(self, call: Call) -> Answer:
        request: ApplyRequest = call.body
        documents = parse_documents(request.documents)
        results = await apply_documents(
            self._store, documents, call.guard, request.dry_run, request.create_missing, self._kinds
        )
        foreseen = [await self._forecast(each) if request.dry_run else {} for each in results]
        plains = [_applied(each) | forecast for each, forecast in zip(results, foreseen, strict=True)]
        return {"results": plains, "seq": self._store.seq}

    async def _forecast(self, done: Applied) -> dict[str, Any]:
        if done.record is None or done.revision is None:
            return {}
        return {"forecast": await explain_deployment(self._fleet_view, done.record, done.revision)}


def _applied(done: Applied) -> dict[str, Any]:
    return {
        "kind": done.kind.value,
        "id": done.id,
        "action": done.action.value,
        "changes": [each.as_plain() for each in done.changes],
        "recorded": list(done.recorded),
    }
