import json

import pytest

from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.passwords import NOBODYS, hash_password, is_password, needs_rehash, password_of, put_password
from controlplane.fleet.access import accept_user, delete_user
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.schema.access import UserSpec

SECRET = "correct horse battery"


@pytest.fixture
async def store() -> MemoryStore:
    """With a user anna whose password is SECRET."""
    store = MemoryStore()
    await store.open()
    await store.write(create_admin_token)

    def change(tx: Transaction) -> None:
        accept_user(tx, UserSpec(id="anna"))
        put_password(tx, "anna", hash_password(SECRET))

    await store.write(change)
    return store


def test_the_hash_is_argon2id_salted_and_fits_that_password_alone() -> None:
    one, other = hash_password(SECRET), hash_password(SECRET)
    assert one.startswith("$argon2id$")
    assert one != other
    assert is_password(one, SECRET)
    assert not is_password(one, SECRET + "x")
    assert not is_password("what a damaged database holds", SECRET)
    assert not needs_rehash(one)
    assert needs_rehash("$argon2id$v=19$m=1024,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("password", ["", SECRET, "\0", "x" * 1024])
def test_nobodys_password_is_looked_at_and_never_right(password: str) -> None:
    assert not is_password(None, password)


def test_for_nobody_it_takes_as_long_as_for_others() -> None:
    """The same work is done for both: argon2's cost is its parameters."""
    assert not needs_rehash(NOBODYS)
    assert NOBODYS.split("$")[1:4] == hash_password(SECRET).split("$")[1:4]


async def test_who_is_disabled_or_unknown_has_none(store: MemoryStore) -> None:
    assert password_of(store, "anna")
    assert password_of(store, "ben") is None
    spec = UserSpec(id="anna", disabled=True)
    await store.write(lambda tx: accept_user(tx, spec))
    assert password_of(store, "anna") is None


async def test_it_goes_with_its_user_and_a_namesake_does_not_get_it(store: MemoryStore) -> None:
    await store.write(lambda tx: delete_user(tx, "anna"))
    await store.write(lambda tx: accept_user(tx, UserSpec(id="anna")))
    assert password_of(store, "anna") is None


async def test_users_are_shown_without_it(store: MemoryStore) -> None:
    user = store.get(Kind.USER, "anna")
    assert user
    assert "argon2" not in json.dumps([user.spec, user.status])
