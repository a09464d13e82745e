"""Sessions of people who have signed in. Each is an access token of its user that ends by itself."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog

from controlplane.auth.access_tokens import create_access_token
from controlplane.auth.token_facts import owner_of
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import HomeportError

log = structlog.get_logger()

_LOOK_SECONDS = 20.0
# Of one user.
_MOST = 100


class SessionVia(StrEnum):
    """Where the token is kept."""

    BROWSER = "browser"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class SessionLife:
    """Seconds: in all, and without being used."""

    longest: float = 7 * 86_400.0
    idle: float = 86_400.0


def open_session(tx: Transaction, user_id: str, via: SessionVia, life: SessionLife) -> tuple[Record, str]:
    """The token and its text. Who has very many sessions loses the oldest: they would be there for days."""
    newest_first = sorted(sessions_of(tx, user_id), key=lambda each: each.created_at, reverse=True)
    for record in newest_first[_MOST - 1 :]:
        tx.delete(Kind.ACCESS_TOKEN, record.id)
    session = {"via": via.value, "idle_seconds": life.idle}
    name = f"session of a {'browser' if via is SessionVia.BROWSER else 'command line'}"
    return create_access_token(tx, name, f"user/{user_id}", expires_at=tx.now + life.longest, session=session)


def end_sessions(tx: Transaction, user_id: str, but: str = "") -> None:
    """All of a user's sessions, but the one with that token id. Tokens that were made by hand stay."""
    for record in sessions_of(tx, user_id):
        if record.id != but:
            tx.delete(Kind.ACCESS_TOKEN, record.id)


def sessions_of(tx: Transaction, user_id: str) -> list[Record]:
    tokens = tx.all(Kind.ACCESS_TOKEN)
    return [each for each in tokens if each.spec.get("session") and owner_of(each) == f"user/{user_id}"]


def is_over(session: Record, used_at: float, now: float) -> bool:
    """`used_at`: when it was accepted last, as far as it is known beside what the record says; unix seconds."""
    noted = session.status.get("last_used_at") or 0.0
    last = max(session.created_at, float(noted), used_at)
    return bool(now >= session.spec["expires_at"] or now >= last + session.spec["session"]["idle_seconds"])


class LoginSessions:
    """Ends sessions that are over, so that no gateway accepts them either. `uses`: token id -> unix seconds."""

    def __init__(self, store: Store, uses: Mapping[str, float], wall: Callable[[], float]) -> None:
        self._store = store
        self._uses = uses
        self._wall = wall

    async def run(self) -> None:
        while True:
            try:
                await self.end_those_over()
            except HomeportError as error:
                log.warning("sessions that are over stay for now", reason=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def end_those_over(self) -> None:
        now, uses = self._wall(), dict(self._uses)
        sessions = (each for each in self._store.all(Kind.ACCESS_TOKEN) if each.spec.get("session"))
        over = [each.id for each in sessions if is_over(each, uses.get(each.id, 0.0), now)]

        def change(tx: Transaction) -> None:
            for id in over:
                if tx.get(Kind.ACCESS_TOKEN, id) is not None:
                    tx.delete(Kind.ACCESS_TOKEN, id)

        if over:
            await self._store.write(change)
