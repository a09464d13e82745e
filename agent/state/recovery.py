"""Which file the agent starts from: its own, or the copy of it, or none.

Never a refusal over content: what runs can be found again by its labels, and the control plane sends the rest.
"""

import shutil
from pathlib import Path

import structlog
from sqlite_utils import Database as Sqlite

from agent.state.files import sync_directory, sync_file
from agent.state.quarantine import quarantine
from agent.state.rows import Damaged
from agent.state.sqlite_file import SoundFile, counter_of_copy, create, open_sound

log = structlog.get_logger()


def copy_of(path: Path) -> Path:
    return path.with_name(path.name + ".copy")


def open_or_recover(path: Path) -> tuple[Sqlite, tuple[str, ...]]:
    """The state at `path`, and notes on what was wrong. Raises HomeportError when the disk is at fault."""
    copy = copy_of(path)
    notes: list[str] = []
    if not path.exists() and _wal(path).exists():
        # Of a file that is gone: it must not be taken for the log of the next one.
        quarantine(_wal(path))
    if not path.exists() and not copy.exists():
        return create(path), ()
    spare = _counter_of(copy, notes)
    own = _sound(path, notes)
    if own is not None and (spare is None or own.counter >= spare):
        return own.connection, tuple(notes)
    if own is not None:
        own.connection.close()
        _put_aside(path, "it has lost what its copy still holds", notes)
    if spare is None:
        return create(path), tuple(notes)
    _restore(copy, path)
    notes.append(f"{copy.name} was used instead")
    return open_sound(path).connection, tuple(notes)


def _sound(path: Path, notes: list[str]) -> SoundFile | None:
    """None when there is none, or when it had to be put aside."""
    if not path.exists():
        return None
    try:
        return open_sound(path)
    except Damaged as damage:
        _put_aside(path, str(damage), notes)
        return None


def _counter_of(copy: Path, notes: list[str]) -> int | None:
    if not copy.exists():
        return None
    try:
        return counter_of_copy(copy)
    except Damaged as damage:
        _put_aside(copy, str(damage), notes)
        return None


def _put_aside(path: Path, why: str, notes: list[str]) -> None:
    kept = quarantine(path, _wal(path))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    log.error("damaged state put aside", file=str(path), why=why, kept_as=kept.name)
    notes.append(f"{path.name} was damaged ({why}) and is kept as {kept.name}")


def _restore(copy: Path, path: Path) -> None:
    temporary = path.with_name(path.name + ".tmp")
    shutil.copyfile(copy, temporary)
    temporary.chmod(0o600)
    sync_file(temporary)
    temporary.replace(path)
    sync_directory(path.parent)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
