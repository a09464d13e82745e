"""Secrets: values that the store holds sealed, and that nothing shows.

In a record's `spec.data` each key has its version in place of the value: the seq of the write that changed it last. So
a version never comes again, and two records are alike when their values are. The values are in `status.sealed`.
"""

from operator import attrgetter
from typing import Any

from controlplane.fleet.accept import Accepted, Action, refuse_fixed
from controlplane.fleet.projects import known_project
from controlplane.fleet.references import in_use, noun
from controlplane.fleet.revisions import revise_users_of_secret
from controlplane.fleet.secret_uses import keys_used, takes_the_only_key, users_of
from controlplane.secrets.vault import Vault
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import HIDDEN
from homeport.schema.changes import changes_between
from homeport.schema.secret import SecretSpec


def accept_secret(vault: Vault, tx: Transaction, spec: SecretSpec) -> Accepted:
    """Deployments that use a value which has changed get a new revision.

    Raises NOT_FOUND for an unknown project, INVALID_ARGUMENT for `(hidden)` where there is no value to keep, IN_USE for
    a key that is left out and used, and for a second key where somebody is given the only one.
    """
    known_project(tx, spec.project, "secret.project")
    old = tx.get(Kind.SECRET, spec.id)
    before = vault.open(spec.id, old.status["sealed"]) if old is not None else {}
    values = _values(spec, before)
    versions = {
        key: old.spec["data"][key] if old is not None and before.get(key) == value else str(tx.seq)
        for key, value in values.items()
    }
    plain = {**spec.model_dump(mode="json"), "data": versions}
    if old is None:
        return Accepted(tx.create(Kind.SECRET, spec.id, plain, _status(vault, tx, spec.id, values)), Action.CREATED)
    changes = tuple(changes_between(SecretSpec, old.spec, plain))
    refuse_fixed(Kind.SECRET, spec.id, changes, "secret")
    if not changes:
        return Accepted(old, Action.UNCHANGED)
    _check_users(tx, old, values)
    record = tx.put_spec(Kind.SECRET, spec.id, plain)
    if values != before:
        record = tx.put_status(Kind.SECRET, spec.id, _status(vault, tx, spec.id, values))
        revise_users_of_secret(tx, spec.id)
    return Accepted(record, Action.CONFIGURED, changes)


def delete_secret(tx: Transaction, id: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    users = users_of(tx, id)
    if users:
        hint = "take it out of their `secrets`, or delete them first"
        raise in_use(f"secret {id}", "it is given to", users, hint, lambda each: f"{noun(each.kind)} {each.id}")
    tx.delete(Kind.SECRET, id)


def shown_spec(record: Record) -> dict[str, Any]:
    """What anybody may see, and what a person's edit is made from."""
    return {**record.spec, "data": dict.fromkeys(record.spec["data"], HIDDEN)}


def _values(spec: SecretSpec, before: dict[str, str]) -> dict[str, str]:
    for key in spec.keeps:
        if key not in before:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"{HIDDEN} stands for the value that is there, and there is none",
                hint="give the value itself",
                path=f"secret.data.{key}",
            )
    return {key: before[key] if value == HIDDEN else value for key, value in spec.data.items()}


def _status(vault: Vault, tx: Transaction, id: str, values: dict[str, str]) -> dict[str, Any]:
    return {"version": tx.seq, "changed_at": tx.now, "sealed": vault.seal(id, values)}


def _check_users(tx: Transaction, old: Record, values: dict[str, str]) -> None:
    """Whoever is given values must still be given them, and know which."""
    users = users_of(tx, old.id)
    for key in old.spec["data"].keys() - values.keys():
        given = [each for each in users if key in keys_used(each, old)]
        if given:
            hint = "take the key out of their `secrets` first"
            raise in_use(f"key {key} of secret {old.id}", "it is given to", given, hint, attrgetter("id"))
    if len(old.spec["data"]) == 1 and len(values) > 1:
        given = [each for each in users if takes_the_only_key(each, old)]
        if given:
            hint = "keep one key and make another secret for the others, or name the key in their `secrets`"
            raise in_use(
                f"the only key of secret {old.id}", "it is given, without its name, to", given, hint, attrgetter("id")
            )
