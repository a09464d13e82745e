"""The database's tables: one definition for SQLite and PostgreSQL. `migrations/` makes them.

`spec` and `status` are JSON in text columns: both databases store the same bytes, whatever the text holds.
"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

objects = Table(
    "objects",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("spec", Text, nullable=False),
    Column("status", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("op", String(8), nullable=False),  # put or delete
)

# Who has changed what: rows are only added, and removed when they are too old.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_audit_actor", "actor", "number"),
    Index("ix_audit_object", "kind", "object_id", "number"),
)

# What nodes remember of deployments, see controlplane.store.history: rows are only added, and removed when there are
# too many.
history = Table(
    "history",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("deployment_id", String(255), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Column("node_id", String(64), nullable=False),
    Column("entry_number", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
    Index("ix_history_deployment", "deployment_id", "kind", "at", "number"),
)

# Of all nodes together, one row a minute.
traffic = Table(
    "traffic",
    metadata,
    Column("deployment_id", String(255), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("arrivals", BigInteger, nullable=False),
    Column("completions", BigInteger, nullable=False),
    Column("busy_seconds", Double, nullable=False),
    Column("waiting_seconds", Double, nullable=False),
    Column("peak_requests", BigInteger, nullable=False),
    Column("peak_arrivals", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

# What access tokens asked of deployments through local gateways, of all nodes together, one row a day (unix seconds of
# its beginning).
site_usage = Table(
    "site_usage",
    metadata,
    Column("token_id", String(64), primary_key=True),
    Column("deployment_id", String(255), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

# Up to which number the log of a node is here: what a node tells twice is taken once.
history_marks = Table(
    "history_marks",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("log_id", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
)

# One row, number 1. `seq` guards every commit: it is only ever moved on from the value that this server knows.
meta = Table(
    "meta",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("store_id", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    # The change log holds everything after this.
    Column("changes_floor", BigInteger, nullable=False),
)
