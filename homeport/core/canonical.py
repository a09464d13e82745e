"""Dataclasses to canonical JSON and back. Readers ignore unknown keys, so a newer writer may add some."""

import functools
import hashlib
import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")

_PLAIN = frozenset({str, int, float, bool, type(None)})


def dumps(value: Any) -> str:
    """One text for equal values: sorted keys, no spaces."""
    return text_of(to_plain(value))


def text_of(plain: Any) -> str:
    """Of what `to_plain` gave, or what was read from such a text."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(cls: type[T], text: str) -> T:
    """Reads a dataclass. Missing keys take their defaults; a missing key without one raises ValueError."""
    value: T = from_plain(cls, json.loads(text))
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, 16 hex digits: enough to tell the specs of one deployment apart."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()[:16]


def to_plain(value: Any) -> Any:
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {str(key): to_plain(item) for key, item in value.items()}
    if kind is tuple or kind is list:
        return [to_plain(item) for item in value]
    return _writer(kind)(value)


def from_plain(kind: Any, value: Any) -> Any:
    return _reader(kind)(value)


_Convert = Callable[[Any], Any]


@functools.cache
def _writer(kind: Any) -> _Convert:
    """Worked out once for each type: nodes by the thousand are written and read again."""
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: to_plain(getattr(value, name)) for name in names}
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, dict):
        return lambda value: {str(key): to_plain(item) for key, item in value.items()}
    if issubclass(kind, list | tuple):
        return lambda value: [to_plain(item) for item in value]
    return _as_it_is


@functools.cache
def _reader(kind: Any) -> _Convert:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        some = _reader(next(arm for arm in typing.get_args(kind) if arm is not type(None)))
        return lambda value: None if value is None else some(value)
    if origin is tuple:
        item = _reader(typing.get_args(kind)[0])
        return lambda value: tuple([item(each) for each in value])
    if origin is dict:
        item = _reader(typing.get_args(kind)[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _as_it_is


def _dataclass_reader(cls: type) -> _Convert:
    hints = typing.get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}
    needed = [field.name for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING]

    def read(value: dict[str, Any]) -> Any:
        for name in needed:
            if name not in value:
                raise ValueError(f"{cls.__name__}: key {name!r} is missing")
        return cls(**{name: reader(value[name]) for name, reader in readers.items() if name in value})

    return read


def _as_it_is(value: Any) -> Any:
    return value
