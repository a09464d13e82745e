"""One's own access tokens; who administers the organisation has everybody's."""

from collections.abc import Mapping
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.lists import list_answer
from controlplane.api.queries import AccessTokenQuery
from controlplane.api.routing import Answer, Call, Route
from controlplane.auth.access_tokens import create_access_token, rotate_access_token
from controlplane.auth.guard import Guard, hidden
from controlplane.auth.places import place_of
from controlplane.auth.token_facts import facts_in, owner_of
from controlplane.fleet.token_edits import (
    check_owner,
    edit_token,
    find_token,
    named_by,
    others_of_owner,
    set_limits,
)
from controlplane.store.store import Kind, Record, Transaction
from controlplane.views.views import Views
from homeport.core.access.grants import Verdict
from homeport.core.access.permission import Permission
from homeport.core.access.scope import Place
from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.callers.access_tokens import principal_of
from homeport.schema.access import AccessTokenEdit, AccessTokenSpec, RotateRequest
from homeport.schema.access_resources import AccessToken, AccessTokenImpact, NewAccessToken, SiteUsage

_TAG = "access tokens"
_ITEM = "/access-tokens/{token}"
_OWN = "one's own tokens are one's own; others need access.read and access.write"
_ROOT = "access_token"
_NOT_FOUND = (ErrorCode.NOT_FOUND,)


class AccessTokens:
    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        self._store = dependencies.store
        self._views = views
        self._wall = dependencies.access_tokens.wall
        self._facts = facts_in(dependencies.store)
        self._usage = dependencies.token_usage

    def routes(self) -> list[Route]:
        made = (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
        return [
            Route("GET", "/access-tokens", self.show_all, _TAG, "List access tokens", query=AccessTokenQuery,
                  response=AccessToken, many=True, anyone=_OWN),
            Route("POST", "/access-tokens", self.create, _TAG, "Make an access token; its text is shown this once",
                  body=AccessTokenSpec, root=_ROOT, status=201, response=NewAccessToken, errors=made, anyone=_OWN),
            Route("GET", _ITEM, self.get, _TAG, "Show an access token", response=AccessToken, errors=_NOT_FOUND,
                  anyone=_OWN),
            Route("PATCH", _ITEM, self.edit, _TAG, "Change what an access token may do, and until when",
                  body=AccessTokenEdit, root=_ROOT, response=AccessToken, errors=made, anyone=_OWN),
            Route("DELETE", _ITEM, self.revoke, _TAG, "Revoke an access token", status=204, errors=_NOT_FOUND,
                  anyone=_OWN),
            Route("POST", f"{_ITEM}/rotate", self.rotate, _TAG,
                  "Give an access token another text, which is shown this once; the old one may go on for a while",
                  body=RotateRequest, response=NewAccessToken, errors=(*_NOT_FOUND, ErrorCode.CONFLICT), anyone=_OWN),
            Route("GET", f"{_ITEM}/impact", self.impact, _TAG, "Whom revoking an access token would hit",
                  response=AccessTokenImpact, errors=_NOT_FOUND, anyone=_OWN),
            Route("GET", f"{_ITEM}/site-usage", self.site_usage, _TAG,
                  "What an access token asked of local gateways, by day and deployment",
                  response=SiteUsage, errors=(*_NOT_FOUND, ErrorCode.UNAVAILABLE), anyone=_OWN),
        ]  # fmt: skip

    async def show_all(self, call: Call) -> Answer:
        await self._views.refresh()
        items = self._views.of(Kind.ACCESS_TOKEN).items()
        seen = [each for each in items if call.guard.sees(self._store, Kind.ACCESS_TOKEN, each.id, each.object)]
        return await list_answer(seen, call.query, self._views.seq)

    async def create(self, call: Call) -> Answer:
        spec: AccessTokenSpec = call.body
        caller = str(call.principal.subject)
        owner = spec.owner or caller
        self._must_manage(call.guard, owner)

        def change(tx: Transaction) -> tuple[Record, str]:
            check_owner(tx, owner)
            return create_access_token(
                tx,
                spec.name,
                owner,
                permissions=None if spec.permissions is None else [each.value for each in spec.permissions],
                models=spec.models,
                expires_at=None if spec.expires_in_seconds is None else tx.now + spec.expires_in_seconds,
                created_by=caller,
                limits=set_limits(spec.limits.model_dump(mode="json")) if spec.limits is not None else None,
            )

        return self._told(*await self._store.write(change))

    async def get(self, call: Call) -> Answer:
        record = self._find(call)
        shown = self._shown(record)
        return {**shown, "status": {**shown["status"], "usage": self._usage(record.id)}}

    async def edit(self, call: Call) -> Answer:
        record, edit = self._find_made(call), call.body
        return self._shown(await self._store.write(lambda tx: edit_token(tx, find_token(tx, record.id), edit)))

    async def revoke(self, call: Call) -> None:
        record = self._find_managed(call)
        await self._store.write(lambda tx: tx.delete(Kind.ACCESS_TOKEN, find_token(tx, record.id).id))

    async def rotate(self, call: Call) -> Answer:
        record, request = self._find_made(call), call.body
        overlap = request.overlap_seconds
        rotated = await self._store.write(lambda tx: rotate_access_token(tx, find_token(tx, record.id), overlap))
        return self._told(*rotated)

    async def site_usage(self, call: Call) -> Answer:
        kept = await self._store.site_usage(self._find(call).id)
        return {
            "days": [
                {
                    "day": each.day,
                    "deployment_id": each.deployment_id,
                    "requests": each.usage.requests,
                    "tokens": each.usage.tokens,
                }
                for each in kept
            ]
        }

    async def impact(self, call: Call) -> Answer:
        record = self._find(call)
        bound = call.guard.seen(self._store, named_by(self._store, record.id))
        return {
            "owner": owner_of(record),
            "last_used_at": record.status.get("last_used_at"),
            "objects": [{"kind": each.kind.value, "id": each.id} for each in bound],
            "invokes": self._invoked(record),
            "other_tokens": others_of_owner(self._store, record, self._wall()),
        }

    def _invoked(self, record: Record) -> list[str]:
        facts = self._facts(record.id)
        if facts is None:
            return []
        principal = principal_of(record.id, facts)
        invokable = []
        for each in self._store.all(Kind.DEPLOYMENT):
            place = place_of(self._store, Kind.DEPLOYMENT, each.id, each.spec)
            named = principal.models is None or principal.models & {each.id, each.spec["worker"]["model"]["id"]}
            if named and principal.grants.verdict(Permission.DEPLOYMENTS_INVOKE, place) is Verdict.ALLOWED:
                invokable.append(each.id)
        return invokable

    def _find(self, call: Call) -> Record:
        """Raises NOT_FOUND, for those of others, too."""
        id = call.path["token"]
        record = self._store.get(Kind.ACCESS_TOKEN, id)
        if record is None or not call.guard.sees(self._store, Kind.ACCESS_TOKEN, id, _as_owned(record)):
            raise hidden(Kind.ACCESS_TOKEN, id)
        return record

    def _find_managed(self, call: Call) -> Record:
        """Raises NOT_FOUND, PERMISSION_DENIED."""
        record = self._find(call)
        self._must_manage(call.guard, owner_of(record))
        return record

    def _find_made(self, call: Call) -> Record:
        """One that was made by hand. Raises CONFLICT for a session, too, which ends when it was to end."""
        record = self._find_managed(call)
        if record.spec.get("session"):
            raise HomeportError(
                ErrorCode.CONFLICT,
                f"access token {record.id} is a session: it is as signing in has made it",
                hint="sign in again, or make a token for longer: homeport token create",
            )
        return record

    def _must_manage(self, guard: Guard, owner: str) -> None:
        """A token that is limited itself must not bring forth, or free, another one. Raises PERMISSION_DENIED."""
        principal = guard.principal
        if guard.principal.grants.verdict(Permission.ACCESS_WRITE, Place()) is Verdict.ALLOWED:
            return
        narrowed = principal.grants.limit is not None or principal.models is not None or principal.limits is not None
        if owner == str(principal.subject) and narrowed:
            raise HomeportError(
                ErrorCode.PERMISSION_DENIED,
                "a token that is limited itself manages no tokens",
                hint="use one of yours that is not limited",
                details={"permission": Permission.ACCESS_WRITE.value},
            )
        if owner != str(principal.subject):
            guard.must_hold(Permission.ACCESS_WRITE, Place())

    def _told(self, record: Record, text: str) -> dict[str, Any]:
        return {**self._shown(record), "token": text}

    def _shown(self, record: Record) -> dict[str, Any]:
        return self._views.show(record)


def _as_owned(record: Record) -> Mapping[str, Any]:
    return {"spec": {"owner": owner_of(record)}}
