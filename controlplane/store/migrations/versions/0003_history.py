"""What nodes remember of deployments: starts, changes of scale, traffic."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("deployment_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("node_id", sa.String(64), nullable=False),
        sa.Column("entry_number", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_index("ix_history_deployment", "history", ["deployment_id", "kind", "at", "number"])
    op.create_table(
        "traffic",
        sa.Column("deployment_id", sa.String(255), primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("arrivals", sa.BigInteger, nullable=False),
        sa.Column("completions", sa.BigInteger, nullable=False),
        sa.Column("busy_seconds", sa.Double, nullable=False),
        sa.Column("waiting_seconds", sa.Double, nullable=False),
        sa.Column("peak_requests", sa.BigInteger, nullable=False),
        sa.Column("peak_arrivals", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "history_marks",
        sa.Column("node_id", sa.String(64), primary_key=True),
        sa.Column("log_id", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
