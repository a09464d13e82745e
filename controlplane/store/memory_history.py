"""The history of deployments in memory, for the store that keeps nothing."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from controlplane.store.history import (
    SUMMED,
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
    minutes_in,
    new_entries,
    usage_in,
)
from homeport.core.history.entry import EntryKind, kind_of
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute


class MemoryHistory:
    def __init__(self) -> None:
        self._entries: list[KeptEntry] = []
        self._number = 0
        self._minutes: dict[tuple[str, int], TrafficMinute] = {}
        self._usage: dict[tuple[str, str, int], TokenUsage] = {}
        self._marks: dict[str, tuple[str, int]] = {}

    def keep(self, told: Sequence[NodeHistory]) -> None:
        for each in told:
            new = new_entries(each.page, self._marks.get(each.node_id))
            for entry in new:
                self._marks[each.node_id] = each.page.log_id, entry.number
                if kind_of(entry.told) not in SUMMED:
                    self._number += 1
                    self._entries.append(KeptEntry(self._number, each.node_id, entry))
            for key, minute in minutes_in(new).items():
                self._minutes[key] = self._minutes.get(key, TrafficMinute()).with_another(minute)
            for used, usage in usage_in(new).items():
                self._usage[used] = self._usage.get(used, TokenUsage(used[0])).with_another(usage)

    def entries(self, query: HistoryQuery) -> list[KeptEntry]:
        found = _newest_first(kept for kept in self._entries if _kind(kept) == (query.deployment_id, query.kind))
        beyond = (query.beyond.time, query.beyond.number) if query.beyond else None
        return [
            kept
            for kept in found
            if kept.entry.time >= query.since and (beyond is None or (kept.entry.time, kept.number) < beyond)
        ][: query.limit]

    def traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        until = float("inf") if query.until is None else query.until
        return [
            KeptMinute(minute, traffic)
            for (deployment_id, minute), traffic in sorted(self._minutes.items(), key=lambda item: item[0])
            if deployment_id == query.deployment_id and query.since <= minute < until
        ][: query.limit]

    def site_usage(self, token_id: str) -> list[KeptUsage]:
        found = sorted((day, deployment_id) for token, deployment_id, day in self._usage if token == token_id)
        return [KeptUsage(day, id, self._usage[token_id, id, day]) for day, id in found]

    def trim(self, retention: Retention) -> int:
        before = len(self._entries) + len(self._minutes) + len(self._usage)
        self._usage = {key: usage for key, usage in self._usage.items() if key[2] >= retention.usage_since}
        kept: list[KeptEntry] = []
        for (deployment_id, _), group in groupby(sorted(self._entries, key=_kind), _kind):
            if deployment_id in retention.deployments:
                kept += _newest_first(group)[: retention.entries]
        self._entries = sorted(kept, key=lambda each: each.number)
        self._minutes = {
            key: minute
            for key, minute in self._minutes.items()
            if key[0] in retention.deployments and key[1] >= retention.traffic_since
        }
        self._marks = {node_id: mark for node_id, mark in self._marks.items() if node_id in retention.nodes}
        return before - len(self._entries) - len(self._minutes) - len(self._usage)


def _kind(kept: KeptEntry) -> tuple[str, EntryKind]:
    return kept.entry.deployment_id, kind_of(kept.entry.told)


def _newest_first(entries: Iterable[KeptEntry]) -> list[KeptEntry]:
    return sorted(entries, key=lambda kept: (kept.entry.time, kept.number), reverse=True)
