"""Another master key. Killed at any point, the next start goes on where this one ended: until all secrets are wrapped
by the new key, the file has the old one, too."""

from pathlib import Path

from controlplane.secrets.master_key import MasterKeys, open_master_keys, write_keys
from controlplane.secrets.vault import Vault
from controlplane.store.store import Kind, Store, Transaction


async def open_vault(store: Store, path: Path) -> Vault:
    """With what a rotation left undone done. Raises HomeportError when the file does not fit the store."""
    keys = open_master_keys(path, _in_use(store))
    if len(keys.keys) > 1:
        keys = await _finish(store, path, keys)
    return Vault(keys)


async def rotate(store: Store, path: Path) -> int:
    """How many secrets have been wrapped anew. Raises HomeportError."""
    keys = open_master_keys(path, _in_use(store)).with_new()
    write_keys(path, keys)
    await _finish(store, path, keys)
    return len(store.all(Kind.SECRET))


async def _finish(store: Store, path: Path, keys: MasterKeys) -> MasterKeys:
    vault = Vault(keys)
    await store.write(lambda tx: _rewrap_all(tx, vault))
    newest = keys.without_old()
    write_keys(path, newest)
    return newest


def _rewrap_all(tx: Transaction, vault: Vault) -> None:
    for secret in tx.all(Kind.SECRET):
        sealed = vault.rewrap(secret.id, secret.status["sealed"])
        tx.put_status(Kind.SECRET, secret.id, {**secret.status, "sealed": sealed})


def _in_use(store: Store) -> set[str]:
    return {secret.status["sealed"]["master_key"] for secret in store.all(Kind.SECRET)}
