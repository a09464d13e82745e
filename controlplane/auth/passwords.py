"""Passwords: of each only an argon2id hash is kept, in an object that no list shows."""

import base64

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.password_rule import normalised, problem_with

_HASHER = PasswordHasher()


def _plain(length: int) -> str:
    return base64.b64encode(bytes(length)).decode().rstrip("=")


# Takes as long as any other one, and no password is known that has it.
NOBODYS = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_plain(_HASHER.salt_len)}${_plain(_HASHER.hash_len)}"
)


def hash_password(password: str) -> str:
    """Takes tens of milliseconds: not for the event loop."""
    return _HASHER.hash(normalised(password))


def is_password(kept: str | None, password: str) -> bool:
    """As slow where none is kept. Takes tens of milliseconds: not for the event loop."""
    try:
        _HASHER.verify(kept or NOBODYS, normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def needs_rehash(kept: str) -> bool:
    """Whether it was made with parameters that are no longer ours."""
    return _HASHER.check_needs_rehash(kept)


def check_new_password(password: str, user_id: str) -> None:
    """Raises INVALID_ARGUMENT."""
    if problem := problem_with(password, user_id):
        hint = "several words that do not belong together are good, and easy to remember"
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, problem, hint=hint, path="password")


def password_of(objects: Store | Transaction, user_id: str) -> str | None:
    """Its hash; None for a user without one, or that is disabled or unknown."""
    user, kept = objects.get(Kind.USER, user_id), objects.get(Kind.PASSWORD, user_id)
    if user is None or kept is None or user.spec.get("disabled", False):
        return None
    return str(kept.spec["argon2"])


def put_password(tx: Transaction, user_id: str, hashed: str) -> None:
    if tx.get(Kind.PASSWORD, user_id) is None:
        tx.create(Kind.PASSWORD, user_id, {"argon2": hashed})
    else:
        tx.put_spec(Kind.PASSWORD, user_id, {"argon2": hashed})
