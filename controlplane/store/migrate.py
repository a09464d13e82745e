"""Brings a database to the schema that this version knows."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from homeport.core.errors import ErrorCode, HomeportError

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """All migrations in one transaction. Raises HomeportError(CONFLICT) when the data is of a newer schema."""
    scripts = ScriptDirectory(str(_SCRIPTS))
    current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if current == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"the data was written by a newer Homeport (schema {current}, this one knows up to {head})",
            hint="start the Homeport version that wrote it or a newer one, or restore a backup made before the upgrade",
        )
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
