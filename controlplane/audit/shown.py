"""What the audit log shows of an object: what it was and is where the two differ, with secrets left out."""

import functools
import re
from collections.abc import Mapping
from typing import Any

from controlplane.store.store import Kind, Record

HIDDEN = "(hidden)"
_NO_SECRETS = frozenset({bool, int, float})
_SECRET_NAMES = re.compile(
    "secret|password|passphrase|token|credential|api_?key|private|sha256|hash|sealed|cipher", re.IGNORECASE
)
# Their values are a person's own words: nobody can tell which of them are secret.
_PERSONAL = frozenset({"env"})
_HIDDEN_KINDS = frozenset({"password"})
# Which secrets an object is given: their ids and keys, which everybody may know who sees the object.
_REFERENCES = frozenset({"secrets"})

Side = dict[str, Any] | None


def sides(kind: Kind, before: Record | None, after: Record | None) -> tuple[Side, Side]:
    """(before, after); None = it was not there. Of what both have only the fields that differ."""
    old, new = _plain(before), _plain(after)
    if old is not None and new is not None:
        old, new = _without_equal(old, new), _without_equal(new, old)
    return _veiled(kind, old), _veiled(kind, new)


def _plain(record: Record | None) -> Side:
    if record is None:
        return None
    return {"spec": record.spec, "status": record.status} if record.status else {"spec": record.spec}


def _without_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in one.items():
        if name not in other:
            kept[name] = value
        elif isinstance(value, dict) and isinstance(other[name], dict):
            if value != other[name]:
                kept[name] = _without_equal(value, other[name])
        elif value != other[name]:
            kept[name] = value
    return kept


def _veiled(kind: Kind, side: Side) -> Side:
    return None if side is None else _veil(side, kind.value in _HIDDEN_KINDS)


def _veil(value: Any, secret: bool) -> Any:
    """Names stay, texts below a secret name go; numbers and switches are no secrets."""
    if isinstance(value, dict):
        return {
            name: _veil(each, secret or name in _PERSONAL or _names_secret(name))
            if each and type(each) not in _NO_SECRETS
            else each
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_veil(each, secret) for each in value]
    return HIDDEN if secret and isinstance(value, str) and value else value


@functools.lru_cache(4096)
def _names_secret(name: str) -> bool:
    return name not in _REFERENCES and _SECRET_NAMES.search(name) is not None
