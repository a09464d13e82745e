"""A bounded memory of what was worked out before."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_GENERATION = 512


class Remembered(Generic[K, V]):
    """Two generations: what is not asked for while the younger fills up is forgotten. Cheaper than an LRU, and one-time
    keys cannot push out what is in use.
    """

    def __init__(self) -> None:
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= _GENERATION:
            self._old = self._young
            self._young = {}
        self._young[key] = value
