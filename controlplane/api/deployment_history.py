"""What became of a deployment: its starts, its scale, its faults, its traffic, as its nodes have told."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.deployments import DEPLOYMENTS, Deployments
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.store.history import Beyond, HistoryQuery, KeptEntry, KeptMinute, TrafficQuery
from controlplane.store.store import Kind
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode
from homeport.core.history.cold_start import ColdStart as Start
from homeport.core.history.entry import EntryKind
from homeport.core.history.replica_fault import ReplicaFault as Fault
from homeport.core.history.scaling_change import ScalingChange as Change
from homeport.schema.history import ColdStart, ReplicaFault, ScalingChange, TrafficMinute

# How far behind a node's clock may be without hiding what happened right after the deployment was made.
_CLOCK_ERROR_SECONDS = 300.0


class HistoryListQuery(Query):
    since: float = Field(default=0.0, ge=0)
    """Unix seconds: not before."""
    limit: int = Field(default=100, ge=1, le=1000)
    """The most items in one page."""
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?_[0-9]{1,18}$")
    """`next_cursor` of the page before, for the page after it."""


class TrafficListQuery(Query):
    since: float = Field(default=0.0, ge=0)
    """Unix seconds: not before."""
    until: float | None = Field(default=None, ge=0)
    """Unix seconds: before."""
    limit: int = Field(default=1000, ge=1, le=1000)
    """The most minutes in one page."""
    cursor: int | None = Field(default=None, ge=0)
    """`next_cursor` of the page before, for the page after it."""


class DeploymentHistory:
    def __init__(self, dependencies: ApiDependencies, deployments: Deployments) -> None:
        self._store = dependencies.store
        self._deployments = deployments

    def routes(self) -> list[Route]:
        return [
            self._route("cold-starts", self.cold_starts, "List a deployment's starts and where their time went, newest "
                        "first", HistoryListQuery, ColdStart),
            self._route("scaling-history", self.scaling, "Why there are so many replicas: changes of the count, newest "
                        "first", HistoryListQuery, ScalingChange),
            self._route("replica-faults", self.faults, "Which replicas were given no requests for a while, or failed "
                        "health checks, newest first", HistoryListQuery, ReplicaFault),
            self._route("traffic", self.traffic, "List a deployment's traffic by the minute, oldest first; minutes "
                        "without any are left out", TrafficListQuery, TrafficMinute),
        ]  # fmt: skip

    def _route(
        self,
        name: str,
        handler: Callable[[Call], Any],
        summary: str,
        query: type[Query],
        response: type[BaseModel],
    ) -> Route:
        return Route("GET", f"{DEPLOYMENTS.item}/{name}", handler, DEPLOYMENTS.tag, summary, query=query,
                     response=response, many=True, errors=(ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
                     permission=Permission.DEPLOYMENTS_READ, at=self._deployments.at_item)  # fmt: skip

    async def cold_starts(self, call: Call) -> Answer:
        return await self._newest_first(call, EntryKind.COLD_START, self._start_shown)

    async def scaling(self, call: Call) -> Answer:
        return await self._newest_first(call, EntryKind.SCALING, self._change_shown)

    async def faults(self, call: Call) -> Answer:
        return await self._newest_first(call, EntryKind.REPLICA_FAULT, _fault_shown)

    async def traffic(self, call: Call) -> Answer:
        query: TrafficListQuery = call.query
        id, made = await self._find(call)
        since = max(query.since, query.cursor or 0, made)
        found = await self._store.traffic(TrafficQuery(id, since, query.until, query.limit + 1))
        cursor = str(found[query.limit].minute) if len(found) > query.limit else None
        return {"items": [_minute_shown(each) for each in found[: query.limit]], **self._page(cursor)}

    async def _newest_first(self, call: Call, kind: EntryKind, shown: Callable[[KeptEntry], dict[str, Any]]) -> Answer:
        query: HistoryListQuery = call.query
        id, made = await self._find(call)
        beyond = None
        if query.cursor is not None:
            time, _, number = query.cursor.partition("_")
            beyond = Beyond(float(time), int(number))
        found = await self._store.history(HistoryQuery(id, kind, max(query.since, made), beyond, query.limit + 1))
        page = found[: query.limit]
        cursor = f"{page[-1].entry.time}_{page[-1].number}" if len(found) > query.limit else None
        return {"items": [self._where(each) | shown(each) for each in page], **self._page(cursor)}

    async def _find(self, call: Call) -> tuple[str, float]:
        """Its id, and since when it may have a history: another deployment may have had the id before."""
        id = (await self._deployments.find(self._deployments.key(call))).id
        record = self._store.get(Kind.DEPLOYMENT, id)
        return id, max(0.0, record.created_at - _CLOCK_ERROR_SECONDS) if record else 0.0

    def _page(self, cursor: str | None) -> dict[str, Any]:
        return {"seq": self._store.seq, "next_cursor": cursor}

    def _where(self, kept: KeptEntry) -> dict[str, Any]:
        node = self._store.get(Kind.NODE, kept.node_id)
        name = node.spec["name"] if node else kept.node_id
        return {"at": kept.entry.time, "node_id": kept.node_id, "node_name": name}

    def _start_shown(self, kept: KeptEntry) -> dict[str, Any]:
        start = kept.entry.told
        assert isinstance(start, Start)
        return {
            "replica_id": start.replica_id,
            "revision": start.revision,
            **asdict(start.parts),
            "total_seconds": round(start.parts.total_seconds, 6),
            "platform_seconds": round(start.parts.platform_seconds, 6),
            "problem": start.problem,
        }

    def _change_shown(self, kept: KeptEntry) -> dict[str, Any]:
        change = kept.entry.told
        assert isinstance(change, Change)
        return {**asdict(change), "held_until": change.held_until or None}


def _fault_shown(kept: KeptEntry) -> dict[str, Any]:
    fault = kept.entry.told
    assert isinstance(fault, Fault)
    return asdict(fault)


def _minute_shown(kept: KeptMinute) -> dict[str, Any]:
    traffic = kept.traffic
    return {
        "minute": kept.minute,
        "arrivals": traffic.arrivals,
        "completions": traffic.completions,
        "mean_service_seconds": round(traffic.service_seconds, 6),
        "waiting_seconds": round(traffic.waiting_seconds, 6),
        "peak_requests": traffic.peak_requests,
        "peak_arrivals": traffic.peak_arrivals,
        "tokens": traffic.tokens,
    }
