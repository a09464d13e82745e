import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.queries import Name
from controlplane.api.routing import Answer, Call, Query, Route, in_organisation
from controlplane.store.audit import AuditEntry, AuditQuery
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode
from homeport.schema.audit import AuditLogEntry

_TAG = "audit"
_EXPORT_PAGE = 500
_EQUAL = ("actor", "address", "request_id", "action", "kind", "object_id", "result")


class AuditFilter(Query):
    actor: Name | None = None
    """Whose: user/admin, ..."""
    address: Name | None = None
    request_id: Name | None = None
    """What one request has changed."""
    action: Literal["create", "edit", "delete", "sign-in", "sign-out", "request"] | None = None
    kind: Name | None = None
    """Of objects of this kind: deployment, model_version, ..."""
    object_id: Name | None = None
    result: Literal["done", "denied"] | None = None
    since: float | None = Field(default=None, ge=0)
    """Unix seconds: not before."""
    until: float | None = Field(default=None, ge=0)
    """Unix seconds: before."""

    def question(self) -> AuditQuery:
        equal = {name: str(getattr(self, name)) for name in _EQUAL if getattr(self, name) is not None}
        return AuditQuery(equal, self.since, self.until)


class AuditListQuery(AuditFilter):
    limit: int = Field(default=100, ge=1, le=1000)
    """The most entries in one page."""
    cursor: int | None = Field(default=None, ge=1)
    """`next_cursor` of the page before, for the page after it."""


class Audit:
    """The newest first; an export the oldest first."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/audit", self.show_all, _TAG, "Who has changed what, or was not allowed to; newest first",
                  query=AuditListQuery, response=AuditLogEntry, many=True, errors=(ErrorCode.UNAVAILABLE,),
                  permission=Permission.AUDIT_READ, at=in_organisation),
            Route("GET", "/audit/export", self.export, _TAG, "The same as JSON lines, oldest first",
                  query=AuditFilter, media_type="application/x-ndjson", errors=(ErrorCode.UNAVAILABLE,),
                  permission=Permission.AUDIT_READ, at=in_organisation),
        ]  # fmt: skip

    async def show_all(self, call: Call) -> Answer:
        query: AuditListQuery = call.query
        question = replace(query.question(), beyond=query.cursor, limit=query.limit + 1)
        found = await self._store.audit_entries(question)
        page = found[: query.limit]
        cursor = str(page[-1].number) if len(found) > query.limit else None
        return {"items": [_shown(entry) for entry in page], "seq": self._store.seq, "next_cursor": cursor}

    async def export(self, call: Call) -> Answer:
        query: AuditFilter = call.query
        pages = self._pages(replace(query.question(), oldest_first=True, limit=_EXPORT_PAGE))
        first: list[AuditEntry] = await anext(pages, [])
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(call.request)
        await response.write(_lines(first))
        async for page in pages:
            await response.write(_lines(page))
        await response.write_eof()
        return response

    async def _pages(self, question: AuditQuery) -> AsyncIterator[list[AuditEntry]]:
        while page := await self._store.audit_entries(question):
            yield page
            question = replace(question, beyond=page[-1].number)


def _lines(page: list[AuditEntry]) -> bytes:
    return b"".join(json.dumps(_shown(entry)).encode() + b"\n" for entry in page)


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "token_id": entry.token_id,
        "address": entry.address,
        "request_id": entry.request_id,
        "request": entry.details.get("request", ""),
        "action": entry.action,
        "kind": entry.kind,
        "object_id": entry.object_id,
        "result": entry.result.value,
        "reason": entry.details.get("reason", ""),
        "before": entry.details.get("before"),
        "after": entry.details.get("after"),
    }
