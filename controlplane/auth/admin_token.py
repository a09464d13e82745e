"""The first administrator and its token: made with the data directory, kept in a file that only its owner reads."""

from pathlib import Path

from controlplane.auth.access_tokens import create_access_token
from controlplane.fleet.access import accept_role_binding, accept_user, is_administrable
from controlplane.private_file import write_private
from controlplane.store.store import Kind, Store, Transaction
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.schema.access import RoleBindingSpec, UserSpec

ADMIN = "admin"


async def ensure_admin_token(store: Store, access_tokens: AccessTokens, path: Path) -> bool:
    """Whether a new one had to be made. A file that was lost or is of another store is replaced: who can write the
    data directory is the administrator anyway. One that was revoked stays so while others can administer."""
    kept = _read(path)
    if access_tokens.check(kept):
        return False
    if not is_administrable(store):
        await store.write(ensure_admin)
        if access_tokens.check(kept):
            return False
    elif kept:
        return False
    token = await store.write(create_admin_token)
    write_private(path, f"{token}\n".encode())
    return True


def create_admin_token(tx: Transaction) -> str:
    """The text of a new token of the user admin, who is made on the way."""
    ensure_admin(tx)
    return create_access_token(tx, ADMIN, f"user/{ADMIN}")[1]


def ensure_admin(tx: Transaction) -> None:
    """Enabled, and an administrator of the organisation. Tokens that name no owner are this user's."""
    user = tx.get(Kind.USER, ADMIN)
    if user is None:
        accept_user(tx, UserSpec(id=ADMIN, name="The first administrator"))
    elif user.spec["disabled"]:
        tx.put_spec(Kind.USER, ADMIN, {**user.spec, "disabled": False})
    held = (ADMIN, "organisation", f"user/{ADMIN}")
    bindings = tx.all(Kind.ROLE_BINDING)
    if not any((each.spec["role"], each.spec["scope"], each.spec["subject"]) == held for each in bindings):
        taken = {each.id for each in bindings}
        id = next(id for id in ("admin", "first-admin", *map("admin-{}".format, range(1000))) if id not in taken)
        accept_role_binding(tx, RoleBindingSpec(id=id, role="admin", subject=f"user/{ADMIN}"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
