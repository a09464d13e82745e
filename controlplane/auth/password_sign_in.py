"""Who shows a user's password, as slowly as guessing is to be."""

import asyncio
from collections.abc import Callable

from controlplane.auth.passwords import hash_password, is_password, needs_rehash, password_of, put_password
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.core.sign_in_backoff import SignInBackoff


class PasswordSignIn:
    """`guesses` counts wrong tokens and passwords by address; `clock` is monotonic, in seconds. One password is looked
    at at a time, so that many tries at once are counted like those after one another, and memory is bounded."""

    def __init__(self, store: Store, guesses: Guesses, clock: Callable[[], float]) -> None:
        self._store = store
        self._guesses = guesses
        self._clock = clock
        self._backoff = SignInBackoff()
        self._turn = asyncio.Lock()

    async def check(self, user_id: str, password: str, address: str) -> None:
        """Raises UNAUTHENTICATED, whatever is wrong in the same words after the same time, and TOO_MANY_REQUESTS."""
        async with self._turn:
            self._guesses.check(address, "", self._clock())
            self._backoff.check(user_id, address, self._clock())
            kept = password_of(self._store, user_id)
            is_right = False
            try:
                is_right = await asyncio.to_thread(is_password, kept, password)
            finally:  # whoever hangs up before the answer has guessed, too
                if not is_right:
                    self._guesses.failed(address, self._clock())
                    self._backoff.failed(user_id, self._clock())
            if not is_right or kept is None:
                raise HomeportError(
                    ErrorCode.UNAUTHENTICATED,
                    "user and password do not belong together",
                    hint="an administrator can set another password: homeport user set-password USER",
                )
            self._backoff.succeeded(user_id, address)
            if needs_rehash(kept):
                await self._rehash(user_id, kept, password)

    async def _rehash(self, user_id: str, kept: str, password: str) -> None:
        hashed = await asyncio.to_thread(hash_password, password)

        def change(tx: Transaction) -> None:
            if password_of(tx, user_id) == kept:
                put_password(tx, user_id, hashed)

        await self._store.write(change)

    def has_password(self, user_id: str) -> bool:
        return self._store.get(Kind.PASSWORD, user_id) is not None
