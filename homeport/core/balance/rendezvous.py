"""Highest random weight hashing: whoever asks with the same key gets the same target, and when one leaves only its own
keys move."""

import hashlib
from collections.abc import Callable, Iterable
from math import log
from typing import TypeVar

T = TypeVar("T")

_SPAN = 1 << 64


def score(key: bytes, name: str, weight: float) -> float:
    """The target with the highest score has the key. `weight` > 0: its share of the keys is in proportion."""
    digest = hashlib.blake2b(b"%b\0%b" % (key, name.encode()), digest_size=8).digest()
    return -weight / log((int.from_bytes(digest) + 0.5) / _SPAN)


def in_order_of(key: bytes, targets: Iterable[T], name: Callable[[T], str], weight: Callable[[T], float]) -> list[T]:
    """The best first."""
    return sorted(targets, key=lambda target: score(key, name(target), weight(target)), reverse=True)
