"""Join tokens of gateways on hosts of their own: one host each, for a short time."""

import pytest

from controlplane.auth.gateway_tokens import GatewayTokens, is_known, redeem
from controlplane.auth.join_tokens import RETRY_SECONDS
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> MemoryStore:
    store = MemoryStore(clock)
    await store.open()
    return store


async def made(store: MemoryStore, name: str = "edge") -> str:
    token, _ = await store.write(lambda tx: GatewayTokens("pin").create(tx, name, 300))
    return token


async def joined(store: MemoryStore, token: str, key: str) -> Record:
    return await store.write(lambda tx: redeem(tx, token, key, "host-1"))


async def refused(store: MemoryStore, token: str, key: str) -> bool:
    with pytest.raises(HomeportError) as caught:
        await joined(store, token, key)
    assert "homeport gateway join-token" in caught.value.hint
    return caught.value.code is ErrorCode.UNAUTHENTICATED


async def test_the_first_key_is_the_gateways_and_may_ask_again(store: MemoryStore, clock: FakeClock) -> None:
    token = await made(store)
    assert not is_known(store.get(Kind.GATEWAY, "edge"), "key-1")
    assert (await joined(store, token, "key-1")).id == "edge"
    assert (await joined(store, token, "key-1")).status["host"] == "host-1"
    assert is_known(store.get(Kind.GATEWAY, "edge"), "key-1")
    assert await refused(store, token, "key-2")
    clock.advance(RETRY_SECONDS + 1)
    assert await refused(store, token, "key-1")


async def test_an_old_a_wrong_and_a_foreign_token_are_refused(store: MemoryStore, clock: FakeClock) -> None:
    token = await made(store)
    other = await made(store, "other")
    assert await refused(store, token.replace("edge", "other"), "key-1")
    assert await refused(store, other.replace("other", "central"), "key-1")
    assert await refused(store, "nonsense", "key-1")
    clock.advance(301)
    assert await refused(store, token, "key-1")


async def test_another_host_takes_its_place_with_a_new_token(store: MemoryStore) -> None:
    await joined(store, await made(store), "key-1")
    token = await made(store)
    assert is_known(store.get(Kind.GATEWAY, "edge"), "key-1"), "the first one goes on until then"
    await joined(store, token, "key-2")
    assert not is_known(store.get(Kind.GATEWAY, "edge"), "key-1")
    assert is_known(store.get(Kind.GATEWAY, "edge"), "key-2")


async def test_one_that_was_removed_is_not_known_by_its_key(store: MemoryStore) -> None:
    await joined(store, await made(store), "key-1")
    await store.write(lambda tx: tx.delete(Kind.GATEWAY, "edge"))
    await made(store)
    assert not is_known(store.get(Kind.GATEWAY, "edge"), "key-1")
    assert not is_known(store.get(Kind.GATEWAY, "edge"), "")


@pytest.mark.parametrize("name", ["central", "gateway", "", "a.b", "../x", "-x"])
async def test_names_that_cannot_be(store: MemoryStore, name: str) -> None:
    with pytest.raises(HomeportError) as caught:
        await made(store, name)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
