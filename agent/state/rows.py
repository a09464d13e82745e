"""The rows of the state file, each with a checksum: SQLite does not notice a flipped bit inside a value."""

import zlib
from enum import StrEnum

from sqlite_utils import Database as Sqlite


class Kind(StrEnum):
    DESIRED = "desired"
    REPLICA = "replica"
    EPOCH = "epoch"
    GPU = "gpu"
    HEARD = "heard"
    START_TIME = "start time"
    HISTORY = "history"
    HISTORY_LOG = "history log"
    SITE_ENTRY = "site entry"
    SITE_TERMS = "site terms"
    SITE_HEARD = "site heard"
    SITE_GATEWAYS = "site gateways"
    GATEWAY_TARGETS = "gateway targets"


class Damaged(Exception):
    """The message says what is wrong with the file."""


def put(db: Sqlite, kind: Kind, key: str, body: str) -> None:
    db.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", [kind, key, body, _checksum(kind, key, body)])


def remove(db: Sqlite, kind: Kind, key: str) -> None:
    db.execute("DELETE FROM rows WHERE kind = ? AND key = ?", [kind, key])


def remove_all(db: Sqlite, kind: Kind) -> None:
    db.execute("DELETE FROM rows WHERE kind = ?", [kind])


def items(db: Sqlite, kind: Kind) -> list[tuple[str, str]]:
    """(key, body), by key."""
    return list(db.execute("SELECT key, body FROM rows WHERE kind = ? ORDER BY key", [kind]).fetchall())


def bodies(db: Sqlite, kind: Kind) -> list[str]:
    return [body for (body,) in db.execute("SELECT body FROM rows WHERE kind = ? ORDER BY key", [kind]).fetchall()]


def first_bodies(db: Sqlite, kind: Kind, count: int) -> list[str]:
    """Those with the smallest keys."""
    rows = db.execute("SELECT body FROM rows WHERE kind = ? ORDER BY key LIMIT ?", [kind, count])
    return [body for (body,) in rows.fetchall()]


def remove_through(db: Sqlite, kind: Kind, key: str) -> None:
    """All with this key, or a smaller one."""
    db.execute("DELETE FROM rows WHERE kind = ? AND key <= ?", [kind, key])


def check(db: Sqlite) -> None:
    """Raises Damaged. Reads bytes, since damaged text may not be text."""
    columns = "CAST(kind AS BLOB), CAST(key AS BLOB), CAST(body AS BLOB), checksum"
    for kind, key, body, checksum in db.execute(f"SELECT {columns} FROM rows").fetchall():
        if _checksum_of(kind, key, body) != checksum:
            raise Damaged("a row does not have its checksum")


def _checksum(kind: str, key: str, body: str) -> int:
    return _checksum_of(kind.encode(), key.encode(), body.encode())


def _checksum_of(kind: bytes, key: bytes, body: bytes) -> int:
    return zlib.crc32(b"\0".join((kind, key, body)))
