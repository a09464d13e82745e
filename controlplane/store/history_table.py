"""The history of deployments in SQL. Everything here blocks, and belongs into a transaction of the caller."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

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
from controlplane.store.tables import history, history_marks, site_usage, traffic
from homeport.core import canonical
from homeport.core.history.entry import TYPES, Entry, EntryKind, kind_of
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute

T = TypeVar("T")

_FIGURES = tuple(field.name for field in fields(TrafficMinute))
# Values in one statement: below what either database allows.
_AT_ONCE = 500


def keep_history(connection: Connection, told: Sequence[NodeHistory]) -> None:
    """What of it is new. There is one writer, so that the next number is nobody else's."""
    marks = _marks(connection, {each.node_id for each in told})
    rows: list[dict[str, Any]] = []
    entries: list[Entry] = []
    for each in told:
        new = new_entries(each.page, marks.get(each.node_id))
        if new:
            marks[each.node_id] = each.page.log_id, new[-1].number
            entries += new
            rows += [_row(each.node_id, entry) for entry in new if kind_of(entry.told) not in SUMMED]
    newest = connection.execute(select(func.coalesce(func.max(history.c.number), 0))).scalar_one()
    _execute(connection, insert(history), [{**row, "number": newest + n} for n, row in enumerate(rows, 1)])
    minutes = [{"deployment_id": key[0], "minute": key[1], **asdict(m)} for key, m in minutes_in(entries).items()]
    _execute(connection, _ADD[connection.dialect.name], minutes)
    used = [
        {"token_id": key[0], "deployment_id": key[1], "day": key[2], "requests": each.requests, "tokens": each.tokens}
        for key, each in usage_in(entries).items()
    ]
    _execute(connection, _ADD_USAGE[connection.dialect.name], used)
    moved = [{"node_id": node_id, "log_id": mark[0], "number": mark[1]} for node_id, mark in marks.items()]
    _execute(connection, _MARK[connection.dialect.name], moved)


def read_history(connection: Connection, query: HistoryQuery) -> list[KeptEntry]:
    chosen = [
        history.c.deployment_id == query.deployment_id,
        history.c.kind == query.kind.value,
        history.c.at >= query.since,
    ]
    if query.beyond is not None:
        at, number = query.beyond.time, query.beyond.number
        chosen.append(or_(history.c.at < at, and_(history.c.at == at, history.c.number < number)))
    statement = select(history).where(*chosen).order_by(history.c.at.desc(), history.c.number.desc())
    return [_kept(row) for row in connection.execute(statement.limit(query.limit))]


def read_traffic(connection: Connection, query: TrafficQuery) -> list[KeptMinute]:
    chosen = [traffic.c.deployment_id == query.deployment_id, traffic.c.minute >= query.since]
    if query.until is not None:
        chosen.append(traffic.c.minute < query.until)
    statement = select(traffic).where(*chosen).order_by(traffic.c.minute).limit(query.limit)
    return [
        KeptMinute(row["minute"], TrafficMinute(*(row[name] for name in _FIGURES)))
        for row in connection.execute(statement).mappings()
    ]


def read_site_usage(connection: Connection, token_id: str) -> list[KeptUsage]:
    statement = select(site_usage).where(site_usage.c.token_id == token_id)
    return [
        KeptUsage(row.day, row.deployment_id, TokenUsage(token_id, row.requests, row.tokens))
        for row in connection.execute(statement.order_by(site_usage.c.day, site_usage.c.deployment_id))
    ]


def trim_history(connection: Connection, retention: Retention) -> int:
    """How many rows went."""
    gone = 0
    for table in (history, traffic):
        known = connection.execute(select(table.c.deployment_id).distinct()).scalars()
        for ids in _groups(id for id in known if id not in retention.deployments):
            gone += connection.execute(delete(table).where(table.c.deployment_id.in_(ids))).rowcount
    nodes = connection.execute(select(history_marks.c.node_id)).scalars()
    for ids in _groups(id for id in nodes if id not in retention.nodes):
        connection.execute(delete(history_marks).where(history_marks.c.node_id.in_(ids)))
    gone += connection.execute(delete(traffic).where(traffic.c.minute < retention.traffic_since)).rowcount
    gone += connection.execute(delete(site_usage).where(site_usage.c.day < retention.usage_since)).rowcount
    of = history.c.deployment_id, history.c.kind
    full = select(*of).group_by(*of).having(func.count() > retention.entries)
    for deployment_id, kind in connection.execute(full).all():
        gone += _trim_one(connection, deployment_id, kind, retention.entries)
    return gone


def _trim_one(connection: Connection, deployment_id: str, kind: str, entries: int) -> int:
    mine = history.c.deployment_id == deployment_id, history.c.kind == kind
    newest_first = select(history.c.number).where(*mine).order_by(history.c.at.desc(), history.c.number.desc())
    gone = 0
    for numbers in _groups(connection.execute(newest_first.offset(entries)).scalars()):
        gone += connection.execute(delete(history).where(history.c.number.in_(numbers))).rowcount
    return gone


def _marks(connection: Connection, node_ids: set[str]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for ids in _groups(node_ids):
        for row in connection.execute(select(history_marks).where(history_marks.c.node_id.in_(ids))):
            found[row.node_id] = row.log_id, row.number
    return found


def _execute(connection: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    """All are read before the first is given out: what follows changes the table."""
    everything = list(items)
    for start in range(0, len(everything), _AT_ONCE):
        yield everything[start : start + _AT_ONCE]


def _row(node_id: str, entry: Entry) -> dict[str, Any]:
    return {
        "deployment_id": entry.deployment_id,
        "kind": kind_of(entry.told).value,
        "at": entry.time,
        "node_id": node_id,
        "entry_number": entry.number,
        "told": canonical.dumps(entry.told),
    }


def _kept(row: Any) -> KeptEntry:
    told = canonical.from_plain(TYPES[EntryKind(row.kind)], json.loads(row.told))
    return KeptEntry(row.number, row.node_id, Entry(row.entry_number, row.deployment_id, row.at, told))


def _upsert(dialect_insert: Any, table: Table, key: Sequence[str], adds: bool) -> Any:
    """What is there is replaced, or added to."""
    statement = dialect_insert(table)
    others = [column for column in table.columns if column.name not in key]
    given = statement.excluded
    changed = {each.name: each + given[each.name] if adds else given[each.name] for each in others}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)


_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_ADD = {name: _upsert(made, traffic, ("deployment_id", "minute"), adds=True) for name, made in _INSERTS.items()}
_USED = ("token_id", "deployment_id", "day")
_ADD_USAGE = {name: _upsert(made, site_usage, _USED, adds=True) for name, made in _INSERTS.items()}
_MARK = {name: _upsert(made, history_marks, ("node_id",), adds=False) for name, made in _INSERTS.items()}
