"""What may become of an access token, and whom it would hit."""

from collections.abc import Mapping
from typing import Any

from controlplane.auth.token_facts import owner_of
from controlplane.fleet.references import missing, parent
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.access import AccessTokenEdit


def find_token(tx: Transaction, token_id: str) -> Record:
    """Raises NOT_FOUND."""
    record = tx.get(Kind.ACCESS_TOKEN, token_id)
    if record is None:
        raise missing(Kind.ACCESS_TOKEN, token_id, ())
    return record


def check_owner(tx: Transaction, owner: str) -> None:
    """Raises NOT_FOUND, CONFLICT for one whose tokens are not accepted."""
    kind, _, id = owner.partition("/")
    record = parent(tx, Kind(kind), id, "access_token.owner")
    if record.spec.get("disabled", False):
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"{owner} is disabled: a token of it would not be accepted",
            hint="enable it first",
            path="access_token.owner",
        )


def edit_token(tx: Transaction, record: Record, edit: AccessTokenEdit) -> Record:
    """What the edit names is replaced, also within `limits`; null takes a limit away. Who wants another text rotates
    it."""
    given: dict[str, Any] = edit.model_dump(mode="json", exclude_unset=True)
    if "expires_in_seconds" in given:
        seconds = given.pop("expires_in_seconds")
        given["expires_at"] = None if seconds is None else tx.now + seconds
    if given.get("limits"):
        given["limits"] = set_limits({**(record.spec.get("limits") or {}), **given["limits"]})
    if given.get("name", "") is None:
        del given["name"]
    return tx.put_spec(Kind.ACCESS_TOKEN, record.id, {**record.spec, **given})


def set_limits(limits: Mapping[str, Any]) -> dict[str, Any] | None:
    """Those that are any; None without one."""
    return {name: limit for name, limit in limits.items() if limit not in (None, [])} or None


def named_by(store: Store, token_id: str) -> list[Record]:
    """Clusters and deployments that say that they act with this token."""
    return [
        each
        for kind in (Kind.CLUSTER, Kind.DEPLOYMENT)
        for each in store.all(kind)
        if each.spec.get("credential") == token_id
    ]


def others_of_owner(store: Store, record: Record, now: float) -> int:
    """How many other tokens of the same owner go on."""
    others = (each for each in store.all(Kind.ACCESS_TOKEN) if each.id != record.id)
    return sum(owner_of(each) == owner_of(record) and _is_valid(each, now) for each in others)


def _is_valid(token: Record, now: float) -> bool:
    expires_at = token.spec.get("expires_at")
    return expires_at is None or now < expires_at
