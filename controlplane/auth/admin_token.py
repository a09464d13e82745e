"""The first administrator's token: made with the data directory, kept in a file that only its owner reads."""

from pathlib import Path

from controlplane.auth.access_tokens import AccessTokens, create_access_token
from controlplane.private_file import write_private
from controlplane.store.store import Store


async def ensure_admin_token(store: Store, access_tokens: AccessTokens, path: Path) -> bool:
    """Whether a new one had to be made. A file that was lost or is of another store is replaced: who can write the
    data directory is the administrator anyway."""
    if access_tokens.check(_read(path)):
        return False
    token = await store.write(lambda tx: create_access_token(tx, "admin"))
    write_private(path, f"{token}\n".encode())
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
