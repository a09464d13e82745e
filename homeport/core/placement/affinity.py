"""Which nodes a deployment is drawn to and which it stays away from, by their labels."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """`values`: one of them is enough; empty = whichever the node has."""

    key: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        have = labels.get(self.key)
        return have is not None and (not self.values or have in self.values)

    def __str__(self) -> str:
        return f"label {self.key}={' or '.join(self.values)}" if self.values else f"label {self.key}"


@dataclass(frozen=True, slots=True)
class Affinity:
    """A node must match all that is required and nothing that is excluded. Of those that do, the ones that match more
    of what is preferred come first."""

    require: tuple[LabelTerm, ...] = ()
    exclude: tuple[LabelTerm, ...] = ()
    prefer: tuple[LabelTerm, ...] = ()


NO_AFFINITY = Affinity()
