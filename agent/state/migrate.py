"""From older layouts of the state file to the one that this agent writes."""

import json
from collections.abc import Callable

from sqlite_utils import Database as Sqlite

from agent.state import rows
from agent.state.rows import Kind


def _from_1(db: Sqlite) -> None:
    """One table per thing, no checksums."""
    version = db.execute("SELECT store_id, seq FROM desired_version").fetchone()
    if version is not None:
        desired = {
            "version": {"store_id": version[0], "seq": version[1]},
            "placements": [json.loads(body) for (body,) in db.execute("SELECT body FROM placements").fetchall()],
            "removed": [key for (key,) in db.execute("SELECT placement_id FROM removed_placements").fetchall()],
        }
        rows.put(db, Kind.DESIRED, "", json.dumps(desired))
    for replica_id, body in db.execute("SELECT replica_id, body FROM replicas").fetchall():
        rows.put(db, Kind.REPLICA, replica_id, body)
    for table in ("desired_version", "placements", "removed_placements", "replicas"):
        db.execute(f"DROP TABLE {table}")


# By the version that a file has; each leads to the present one, whose tables exist already.
MIGRATIONS: dict[int, Callable[[Sqlite], None]] = {1: _from_1}
