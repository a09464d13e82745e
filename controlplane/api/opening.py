"""The beginning of a session, however somebody has shown who they are."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from controlplane.api.callers import Callers
from controlplane.audit.actor import recognised
from controlplane.audit.sign_ins import note_sign_in
from controlplane.auth.csrf import csrf_token_of
from controlplane.auth.login_sessions import SessionLife, SessionVia, open_session
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError


@dataclass(frozen=True, slots=True)
class Opened:
    """`text` is the session's token; `answer` has the form of homeport.schema.sign_in.SignedIn."""

    text: str
    answer: dict[str, Any]


class Opening:
    def __init__(self, store: Store, callers: Callers, life: SessionLife) -> None:
        self._store = store
        self._callers = callers
        self._life = life

    async def open(self, request: web.Request, user_id: str, via: SessionVia, how: str) -> Opened:
        """Raises UNAUTHENTICATED when the user was disabled or deleted meanwhile."""
        recognised(f"user/{user_id}", "")

        def change(tx: Transaction) -> tuple[Record, str]:
            user = tx.get(Kind.USER, user_id)
            if user is None or user.spec.get("disabled", False):
                raise HomeportError(ErrorCode.UNAUTHENTICATED, f"user/{user_id} may not sign in")
            record, text = open_session(tx, user_id, via, self._life)
            note_sign_in(tx, user_id, record.id, how)
            return record, text

        record, text = await self._store.write(change)
        self._callers.welcome(request, text)
        is_browser = via is SessionVia.BROWSER
        answer = {
            "subject": f"user/{user_id}",
            "session_id": record.id,
            "expires_at": record.spec["expires_at"],
            "token": None if is_browser else text,
            "csrf_token": csrf_token_of(text) if is_browser else None,
        }
        return Opened(text, answer)

    def put_cookie(self, response: web.StreamResponse, opened: Opened) -> None:
        self._callers.cookie.put(response, opened.text, self._life.longest)
