"""The first administrator's token: made with the data directory, kept in a file that only its owner reads."""

import os
from pathlib import Path

from controlplane.auth.access_tokens import AccessTokens, create_access_token
from controlplane.store.store import Store


async def ensure_admin_token(store: Store, access_tokens: AccessTokens, path: Path) -> str | None:
    """A new token's text when one had to be made, else None. A file that was lost or is of another store is replaced:
    who can write the data directory is the administrator anyway."""
    if path.exists() and access_tokens.check(path.read_text().strip()):
        return None
    token = await store.write(lambda tx: create_access_token(tx, "admin"))
    temporary = path.with_suffix(".tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return token
