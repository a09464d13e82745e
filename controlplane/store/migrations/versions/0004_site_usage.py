"""What access tokens asked of deployments through local gateways."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "site_usage",
        sa.Column("token_id", sa.String(64), primary_key=True),
        sa.Column("deployment_id", sa.String(255), primary_key=True),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
    )
