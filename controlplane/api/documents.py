from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.apply import apply_documents
from homeport.core.errors import ErrorCode
from homeport.schema.apply import ApplyRequest
from homeport.schema.documents import parse_documents
from homeport.schema.resources import ApplyResult


class Documents:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

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
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            )
        ]

    async def apply(self, call: Call) -> Answer:
        request: ApplyRequest = call.body
        results = await apply_documents(self._store, parse_documents(request.documents), request.dry_run)
        return {
            "results": [{"kind": each.kind.value, "id": each.id, "action": each.action.value} for each in results],
            "seq": self._store.seq,
        }
