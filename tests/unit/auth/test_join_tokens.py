import asyncio

import pytest

from controlplane.auth.join_tokens import RETRY_SECONDS, Host, JoinTokens, redeem
from controlplane.fleet.node_approval import approve_node, reject_node, waits
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.clock import FakeClock

HOST = Host("rack-1", "machine-1", "0.1.0")
POOL = "home/default"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> MemoryStore:
    store = MemoryStore(clock)
    await store.open()

    def seed(tx: Transaction) -> None:
        tx.create(Kind.CLUSTER, "home", {"id": "home"})
        tx.create(Kind.NODEPOOL, POOL, {"id": "default", "max_instances": 3})

    await store.write(seed)
    return store


async def new_token(store: MemoryStore, ttl_seconds: int = 300) -> str:
    _, token = await store.write(lambda tx: JoinTokens("pin").create(tx, POOL, ttl_seconds))
    return token


async def join(store: MemoryStore, token: str, key: str = "key-1", host: Host = HOST) -> str:
    use = await store.write(lambda tx: redeem(tx, token, key, host))
    return use.node.id


async def refusal(store: MemoryStore, token: str, key: str = "key-1") -> ErrorCode:
    nodes = len(store.all(Kind.NODE))
    with pytest.raises(HomeportError) as caught:
        await join(store, token, key)
    assert caught.value.hint
    assert len(store.all(Kind.NODE)) == nodes
    return caught.value.code


async def test_a_token_makes_one_node_in_its_pool(store: MemoryStore) -> None:
    node_id = await join(store, await new_token(store))
    [node] = store.all(Kind.NODE)
    assert node.id == node_id
    assert (node.spec["name"], node.spec["cluster"], node.spec["nodepool"]) == ("rack-1", "home", "default")
    assert node.status["epoch"] == 0


async def test_the_secret_is_not_kept(store: MemoryStore) -> None:
    token = await new_token(store)
    assert token.split(".")[2] not in repr(store.all(Kind.JOIN_TOKEN))
    assert token.endswith(".pin")


async def test_a_lost_reply_is_retried_with_the_same_key_and_gives_the_same_node(
    store: MemoryStore, clock: FakeClock
) -> None:
    token = await new_token(store, ttl_seconds=10)
    node_id = await join(store, token)
    clock.advance(RETRY_SECONDS)
    assert await join(store, token) == node_id
    clock.advance(1)
    assert await refusal(store, token) is ErrorCode.UNAUTHENTICATED


async def test_a_used_token_is_refused_to_another_key(store: MemoryStore) -> None:
    token = await new_token(store)
    await join(store, token)
    assert await refusal(store, token, "key-2") is ErrorCode.UNAUTHENTICATED


async def test_of_fifty_uses_at_once_one_succeeds(store: MemoryStore) -> None:
    token = await new_token(store)
    results = await asyncio.gather(
        *(join(store, token, key=f"key-{number}") for number in range(50)), return_exceptions=True
    )
    assert sum(isinstance(result, str) for result in results) == 1
    assert len(store.all(Kind.NODE)) == 1


async def test_expiry_to_the_second(store: MemoryStore, clock: FakeClock) -> None:
    on_time, late = await new_token(store, 300), await new_token(store, 300)
    clock.advance(300)
    await join(store, on_time)
    clock.advance(0.1)
    assert await refusal(store, late, "key-2") is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize("change", ["x{0}", "{0}x", "{0}.more", "", "hp1.only", "hp1.a.b.c"])
async def test_a_changed_token_is_refused(store: MemoryStore, change: str) -> None:
    token = await new_token(store)
    prefix, token_id, secret, pin = token.split(".")
    wrong = change.format(".".join([prefix, token_id, secret + "x", pin])) if "{0}" in change else change
    assert await refusal(store, wrong) is ErrorCode.UNAUTHENTICATED


async def test_a_full_pool_refuses_with_the_limit(store: MemoryStore) -> None:
    for number in range(3):
        await join(store, await new_token(store), f"key-{number}")
    assert await refusal(store, await new_token(store), "key-4") is ErrorCode.CONFLICT


async def test_hosts_of_one_name_get_names_of_their_own(store: MemoryStore) -> None:
    for number in range(3):
        await join(store, await new_token(store), f"key-{number}")
    assert sorted(node.spec["name"] for node in store.all(Kind.NODE)) == ["rack-1", "rack-1-2", "rack-1-3"]


async def test_an_unknown_pool_gets_no_token(store: MemoryStore) -> None:
    with pytest.raises(HomeportError, match="nodepool home/gone does not exist"):
        await store.write(lambda tx: JoinTokens("pin").create(tx, "home/gone", 300))
    assert store.all(Kind.JOIN_TOKEN) == []


async def test_where_the_nodepool_asks_for_it_a_new_node_waits_to_be_let_in(store: MemoryStore) -> None:
    def ask_for_it(tx: Transaction) -> None:
        pool = tx.get(Kind.NODEPOOL, POOL)
        assert pool is not None
        tx.put_spec(Kind.NODEPOOL, POOL, {**pool.spec, "node_approval": "required"})

    def node(id: str) -> Record:
        found = store.get(Kind.NODE, id)
        assert found is not None
        return found

    assert not waits(node(await join(store, await new_token(store))))
    await store.write(ask_for_it)
    approved, rejected = [await join(store, await new_token(store), f"key-{number}") for number in (2, 3)]
    assert waits(node(approved))
    await store.write(lambda tx: approve_node(tx, approved))
    assert not waits(node(approved))
    assert await store.write(lambda tx: reject_node(tx, rejected))
    assert store.get(Kind.NODE, rejected) is None
