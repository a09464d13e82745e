"""Dataclasses to canonical JSON and back. Readers ignore unknown keys, so a newer writer may add some."""

import functools
import hashlib
import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


def dumps(value: Any) -> str:
    """One text for equal values: sorted keys, no spaces."""
    return json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(cls: type[T], text: str) -> T:
    """Reads a dataclass. Missing keys take their defaults; a missing key without one raises ValueError."""
    value: T = from_plain(cls, json.loads(text))
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, 16 hex digits: enough to tell the specs of one deployment apart."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()[:16]


def to_plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return from_plain(next(arm for arm in typing.get_args(kind) if arm is not type(None)), value)
    if origin is tuple:
        return tuple(from_plain(typing.get_args(kind)[0], item) for item in value)
    if origin is dict:
        return {key: from_plain(typing.get_args(kind)[1], item) for key, item in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_from_plain(kind, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value


def _dataclass_from_plain(cls: type, value: dict[str, Any]) -> Any:
    hints = _hints(cls)
    known = {}
    for field in fields(cls):
        if field.name in value:
            known[field.name] = from_plain(hints[field.name], value[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{cls.__name__}: key {field.name!r} is missing")
    return cls(**known)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)
