"""What gateways are told of tokens: enough to decide alone, and each change of it."""

from collections.abc import AsyncIterator

import pytest

from controlplane.auth.access_tokens import create_access_token
from controlplane.auth.token_facts import facts_in
from controlplane.fleet.access import accept_role_binding, accept_team, accept_user
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.publisher import GatewayPublisher
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.access.permission import Permission
from homeport.core.access.scope import Place
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.schema.access import RoleBindingSpec, TeamSpec, UserSpec
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_certificates import FakeCertificates


class Publishing:
    """A store, what is told of it, and a gateway that knows no more than that."""

    def __init__(self) -> None:
        self.wall = FakeClock(1000.0)
        self.store = MemoryStore(self.wall)
        self.feed = GatewayFeed(FakeCertificates())
        self.publisher = GatewayPublisher(self.store, self.feed)
        self.at_gateway = AccessTokens(self.feed.tables.tokens.get, self.wall)
        self.at_api = AccessTokens(facts_in(self.store), self.wall)

    async def token(self) -> str:
        def make(tx: Transaction) -> str:
            accept_user(tx, UserSpec(id="anna"))
            accept_team(tx, TeamSpec(id="ops", members=["anna"]))
            accept_role_binding(tx, RoleBindingSpec(id="x", role="invoker", subject="team/ops"))
            # Somebody must be left when others go.
            accept_user(tx, UserSpec(id="root"))
            accept_role_binding(tx, RoleBindingSpec(id="root", role="admin", subject="user/root"))
            return create_access_token(tx, "test", "user/anna", expires_at=2000.0)[1]

        return await self.store.write(make)


@pytest.fixture
async def publishing() -> AsyncIterator[Publishing]:
    made = Publishing()
    await made.store.open()
    yield made
    await made.store.close()


async def test_a_gateway_decides_as_the_api_does(publishing: Publishing) -> None:
    token = await publishing.token()
    publishing.publisher.load()
    found = publishing.at_gateway.check(token)
    assert found == publishing.at_api.check(token)
    assert found is not None
    assert found.grants.verdict(Permission.DEPLOYMENTS_INVOKE, Place()).value == "allowed"
    publishing.wall.advance(1000)
    assert publishing.at_gateway.check(token) is None
    assert token.split(".")[2] not in str(list(publishing.feed.tables.entries()))


@pytest.mark.parametrize(
    ("kind", "id"), [(Kind.ACCESS_TOKEN, ""), (Kind.ROLE_BINDING, "x"), (Kind.TEAM, "ops"), (Kind.USER, "anna")]
)
async def test_whatever_it_depends_on_is_told_when_it_goes(publishing: Publishing, kind: Kind, id: str) -> None:
    token = await publishing.token()
    publishing.publisher.load()
    changes = publishing.store.changes()
    await publishing.store.write(lambda tx: tx.delete(kind, id or token.split(".")[1]))
    publishing.publisher._update(await anext(changes))
    found = publishing.at_gateway.check(token)
    assert found is None or not found.grants.holds_anywhere(Permission.DEPLOYMENTS_INVOKE)
    assert found == publishing.at_api.check(token)


async def test_what_makes_no_difference_to_a_gateway_is_not_told(publishing: Publishing) -> None:
    token = await publishing.token()
    publishing.publisher.load()
    told: list[object] = []
    publishing.feed.tell_all = told.append  # type: ignore[method-assign,assignment]
    changes = publishing.store.changes()
    await publishing.store.write(
        lambda tx: tx.put_status(Kind.ACCESS_TOKEN, token.split(".")[1], {"last_used_at": 5.0})
    )
    publishing.publisher._update(await anext(changes))
    assert told == []
