"""Passwords are set here, and shown nowhere."""

import asyncio
from collections.abc import Mapping

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route
from controlplane.auth.guard import Guard, hidden
from controlplane.auth.login_sessions import end_sessions
from controlplane.auth.password_sign_in import PasswordSignIn
from controlplane.auth.passwords import check_new_password, hash_password, put_password
from controlplane.store.store import Kind, Transaction
from homeport.core.access.grants import Verdict
from homeport.core.access.permission import Permission
from homeport.core.access.scope import Place
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.sign_in import PasswordChange

_ERRORS = (ErrorCode.NOT_FOUND,)


class Passwords:
    def __init__(self, dependencies: ApiDependencies, sign_in: PasswordSignIn) -> None:
        self._store = dependencies.store
        self._sign_in = sign_in

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/users/{user}/password", self.set, "users",
                  "Set a user's password, or one's own, and end all other sessions of that user", body=PasswordChange,
                  status=204, errors=_ERRORS, permission=Permission.ACCESS_WRITE, at=self._own_or_administered),
        ]  # fmt: skip

    async def set(self, call: Call) -> Answer:
        user_id, change = call.path["user"], call.body
        if self._store.get(Kind.USER, user_id) is None:
            raise hidden(Kind.USER, user_id)
        check_new_password(change.password, user_id)
        await self._check_current(call, user_id, change.current)
        hashed = await asyncio.to_thread(hash_password, change.password)
        keep = call.principal.token_id

        def write(tx: Transaction) -> None:
            if tx.get(Kind.USER, user_id) is None:
                raise hidden(Kind.USER, user_id)
            put_password(tx, user_id, hashed)
            end_sessions(tx, user_id, but=keep)

        await self._store.write(write)
        return None

    async def _check_current(self, call: Call, user_id: str, current: str | None) -> None:
        """Who finds an open session must not make it theirs for good. Raises PERMISSION_DENIED, TOO_MANY_REQUESTS."""
        if current is None:
            if self._sign_in.has_password(user_id) and not _administers(call.guard):
                raise HomeportError(
                    ErrorCode.INVALID_ARGUMENT, "is required to change your own password", path="current"
                )
            return
        try:
            await self._sign_in.check(user_id, current, call.request.remote or "")
        except HomeportError as error:
            if error.code is not ErrorCode.UNAUTHENTICATED:
                raise
            raise HomeportError(
                ErrorCode.PERMISSION_DENIED, "this is not the password of now", path="current"
            ) from None

    def _own_or_administered(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        """A token that is limited must not open the way to what it may not. Raises PERMISSION_DENIED, NOT_FOUND."""
        principal = guard.principal
        is_limited = principal.grants.limit is not None or principal.models is not None
        if str(principal.subject) != f"user/{path['user']}" or is_limited:
            guard.must(permission, self._store, Kind.USER, path["user"])


def _administers(guard: Guard) -> bool:
    return guard.principal.grants.verdict(Permission.ACCESS_WRITE, Place()) is Verdict.ALLOWED
