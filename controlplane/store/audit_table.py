"""The audit log in SQL. Everything here blocks, and belongs into a transaction of the caller."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from controlplane.store.audit import AuditEntry, AuditQuery, Result
from controlplane.store.plain import text_of
from controlplane.store.tables import audit

_COLUMNS = tuple(field.name for field in fields(AuditEntry))
_NEWEST = select(func.coalesce(func.max(audit.c.number), 0))
_APPEND = insert(audit)


def append_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """There is one writer, so that the next number is nobody else's."""
    if not entries:
        return
    newest = connection.execute(_NEWEST).scalar_one()
    connection.execute(_APPEND, [_row(entry, newest + n) for n, entry in enumerate(entries, 1)])


def read_entries(connection: Connection, query: AuditQuery) -> list[AuditEntry]:
    statement = select(audit).where(*_conditions(query)).limit(query.limit)
    order = audit.c.number if query.oldest_first else audit.c.number.desc()
    return [_entry(row) for row in connection.execute(statement.order_by(order)).mappings()]


def forget_entries(connection: Connection, before: float) -> int:
    """How many were older. The newest stays: numbers go on from it."""
    newest = connection.execute(select(func.max(audit.c.number))).scalar_one()
    return connection.execute(delete(audit).where(audit.c.at < before, audit.c.number != newest)).rowcount


def _conditions(query: AuditQuery) -> Iterable[Any]:
    for name, value in query.equal.items():
        yield audit.c[name] == value
    if query.since is not None:
        yield audit.c.at >= query.since
    if query.until is not None:
        yield audit.c.at < query.until
    if query.beyond is not None:
        yield audit.c.number > query.beyond if query.oldest_first else audit.c.number < query.beyond


def _row(entry: AuditEntry, number: int) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in _COLUMNS}
    return {**row, "number": number, "result": entry.result.value, "details": text_of(entry.details)}


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**{**row, "result": Result(row["result"]), "details": json.loads(row["details"])})
