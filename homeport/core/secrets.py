"""What a workload needs of secrets: by name. A version goes up with each change of a value, so that a change makes
another workload; the value itself is in none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# The values of secrets: secret -> key -> value.
Values = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class SecretValue:
    secret: str
    key: str
    version: str


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """A folder with one file per key. `versions` are by key; `target` is where it is in a container.

    `env_var` gets the path of the folder, or of the file of `key`; empty = no variable does.
    """

    secret: str
    versions: dict[str, str]
    target: str
    env_var: str = ""
    key: str = ""


def keys_needed(env: Iterable[SecretValue], files: Iterable[SecretFiles]) -> dict[str, frozenset[str]]:
    """By secret."""
    needed: dict[str, frozenset[str]] = {}
    for each in env:
        needed[each.secret] = needed.get(each.secret, frozenset()) | {each.key}
    for folder in files:
        needed[folder.secret] = needed.get(folder.secret, frozenset()) | folder.versions.keys()
    return needed
