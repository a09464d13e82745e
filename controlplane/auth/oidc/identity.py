"""Which user somebody is whom the provider has recognised."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.auth.oidc.settings import OidcSettings, sign_in_refused
from controlplane.fleet.access import accept_user
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.names import is_valid_id
from homeport.schema.access import OidcIdentity, UserSpec

_MOST_GROUPS = 1000
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Person:
    """As the provider describes somebody. `user_id` is what a new user would be called; empty when no id can be made
    of the claim."""

    issuer: str
    subject: str
    user_id: str
    name: str
    email: str
    groups: tuple[str, ...]


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> Person:
    """Of verified claims."""
    wanted = _text(claims.get(settings.username_claim)).partition("@")[0]
    user_id = re.sub(r"[^a-z0-9_-]+", "-", wanted.casefold()).strip("-_")[:63]
    groups = claims.get(settings.groups_claim)
    given = groups if isinstance(groups, list) else [groups]
    named = sorted({each for each in map(_text, given) if each})
    return Person(
        settings.issuer,
        claims["sub"],
        user_id if is_valid_id(user_id) else "",
        _text(claims.get("name")),
        _text(claims.get("email")),
        tuple(named[:_MOST_GROUPS]),
    )


def sign_in_person(tx: Transaction, person: Person, new_users: bool) -> str:
    """The id of the user, who is made when there is none yet and that may be. What the provider says about groups is
    kept anew each time. A user that exists is only taken over by an administrator's word: a name is no proof.

    Raises UNAUTHENTICATED.
    """
    user = _linked(tx, person) or _made(tx, person, new_users)
    if user.spec.get("disabled", False):
        raise sign_in_refused(f"user/{user.id} is disabled", "ask an administrator")
    tx.put_status(Kind.USER, user.id, {**user.status, "groups": list(person.groups)})
    return user.id


def _linked(tx: Transaction, person: Person) -> Record | None:
    identity = {"issuer": person.issuer, "subject": person.subject}
    return next((each for each in tx.all(Kind.USER) if each.spec.get("oidc") == identity), None)


def _made(tx: Transaction, person: Person, new_users: bool) -> Record:
    link = f"homeport edit user/ID, with oidc: {{issuer: {person.issuer}, subject: {person.subject}}}"
    if not new_users:
        raise sign_in_refused("no user of this Homeport is linked to you", f"an administrator can link one: {link}")
    if not person.user_id:
        raise sign_in_refused(
            "the provider says no name that could be a user's id",
            f"an administrator can make a user and link it ({link}), or choose another --oidc-username-claim",
        )
    if tx.get(Kind.USER, person.user_id) is not None:
        raise sign_in_refused(
            f"there is a user {person.user_id} already, who is not linked to you",
            f"an administrator can link it, if it is you: {link}",
        )
    spec = UserSpec(
        id=person.user_id,
        name=person.name,
        email=person.email,
        oidc=OidcIdentity(issuer=person.issuer, subject=person.subject),
    )
    return accept_user(tx, spec).record


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
