import pytest

from controlplane.auth.access_tokens import create_access_token
from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.login_sessions import LoginSessions, SessionLife, SessionVia, end_sessions, open_session
from controlplane.auth.token_facts import facts_in
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.gateway.callers.access_tokens import AccessTokens
from tests.fakes.clock import FakeClock

HOUR = 3600.0
LIFE = SessionLife(longest=10 * HOUR, idle=2 * HOUR)


class Opened:
    """Sessions of the user admin, at 0 on the clock of the wall."""

    def __init__(self) -> None:
        self.wall = FakeClock(0.0)
        self.store = MemoryStore(self.wall)
        self.tokens = AccessTokens(facts_in(self.store), self.wall)
        self.sessions = LoginSessions(self.store, self.tokens.last_uses, self.wall)

    async def open(self) -> str:
        return (await self.store.write(lambda tx: open_session(tx, "admin", SessionVia.CLI, LIFE)))[1]

    async def is_accepted_at(self, hours: float, token: str) -> bool:
        """Nobody asked anything in between."""
        self.wall.advance(hours * HOUR - self.wall())
        await self.sessions.end_those_over()
        return self.tokens.check(token) is not None


@pytest.fixture
async def opened() -> Opened:
    opened = Opened()
    await opened.store.open()
    await opened.store.write(create_admin_token)
    return opened


@pytest.mark.parametrize(
    ("asks", "lasts"),
    [
        ([1.9], [True]),
        ([2.0], [False]),
        ([1.5, 3.0, 4.9, 7.0], [True, True, True, False]),
        ([1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 9.9, 10.0], [True] * 7 + [False]),
    ],
)
async def test_a_session_ends_unused_and_at_the_latest_when_its_time_is_over(
    opened: Opened, asks: list[float], lasts: list[bool]
) -> None:
    token = await opened.open()
    assert [await opened.is_accepted_at(hours, token) for hours in asks] == lasts


async def test_a_restarted_server_knows_when_a_session_was_used(opened: Opened) -> None:
    token = await opened.open()
    token_id = token.split(".")[1]
    await opened.store.write(lambda tx: tx.put_status(Kind.ACCESS_TOKEN, token_id, {"last_used_at": 1.9 * HOUR}))
    assert await opened.is_accepted_at(3.8, token)


async def test_tokens_made_by_hand_do_not_end_unused(opened: Opened) -> None:
    _, token = await opened.store.write(lambda tx: create_access_token(tx, "made", "user/admin"))
    assert await opened.is_accepted_at(10_000, token)


async def test_all_sessions_of_a_user_end_but_one(opened: Opened) -> None:
    _, made = await opened.store.write(lambda tx: create_access_token(tx, "made", "user/admin"))
    kept, other = await opened.open(), await opened.open()
    await opened.store.write(lambda tx: end_sessions(tx, "admin", but=kept.split(".")[1]))
    assert [opened.tokens.check(each) is not None for each in (kept, other, made)] == [True, False, True]


async def test_who_has_very_many_sessions_loses_the_oldest(opened: Opened) -> None:
    _, made = await opened.store.write(lambda tx: create_access_token(tx, "made", "user/admin"))
    texts = []
    for _ in range(103):
        opened.wall.advance(1)
        texts.append(await opened.open())
    assert [opened.tokens.check(each) is not None for each in texts] == [False] * 3 + [True] * 100
    assert opened.tokens.check(made)
