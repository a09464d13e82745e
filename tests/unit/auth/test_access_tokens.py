import pytest

from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.token_facts import facts_in
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.gateway.callers.access_tokens import AccessTokens


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


async def test_a_token_opens_and_its_secret_is_not_kept(store: MemoryStore) -> None:
    token = await store.write(create_admin_token)
    principal = AccessTokens(facts_in(store)).check(token)
    assert principal is not None
    assert principal.name == "admin"
    secret = token.split(".")[2]
    assert secret not in repr(store.all(Kind.ACCESS_TOKEN))


async def test_nothing_else_opens(store: MemoryStore) -> None:
    token = await store.write(create_admin_token)
    prefix, token_id, secret = token.split(".")
    other = (await store.write(create_admin_token)).split(".")
    check = AccessTokens(facts_in(store)).check
    for wrong in [
        "",
        "hp1",
        "hp1..",
        f"{prefix}.{token_id}",
        f"{prefix}.{token_id}.",
        f"{prefix}.{token_id}.{secret}x",
        f"{prefix}.{token_id}.{secret[:-1]}",
        f"{prefix}.{token_id}.{other[2]}",
        f"{prefix}.{other[1]}.{secret}",
        f"{prefix}.unknown.{secret}",
        f"hp2.{token_id}.{secret}",
        f"{token}.extra",
    ]:
        assert check(wrong) is None, wrong


async def test_a_deleted_token_is_refused(store: MemoryStore) -> None:
    token = await store.write(create_admin_token)
    await store.write(lambda tx: tx.delete(Kind.ACCESS_TOKEN, token.split(".")[1]))
    assert AccessTokens(facts_in(store)).check(token) is None
