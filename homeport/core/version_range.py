"""Ranges of versions: `>=12.2`, `>=535,<580`, `==12`."""

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest

_Version = tuple[int, ...]
_TERM = re.compile(r"(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)")
_COMPARE: dict[str, Callable[[_Version, _Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@lru_cache(1024)
def parse_range(text: str) -> tuple[tuple[str, _Version], ...]:
    """Terms that must all hold: operator, and numbers. Raises ValueError."""
    terms = []
    for part in text.split(","):
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise ValueError(
                f"{part.strip()!r} is no range of versions: write >=12.2 or >=535,<580, with one of >= <= == > <"
            )
        terms.append((found[1], _numbers(found[2])))
    return tuple(terms)


@lru_cache(4096)
def is_within(version: str, text: str) -> bool:
    """12.4 is `==12`, and as good as 12.4.0. What is no version is within no range."""
    if not re.fullmatch(r"\d+(?:\.\d+)*", version):
        return False
    return all(_holds(_numbers(version), *term) for term in parse_range(text))


def _holds(version: _Version, sign: str, bound: _Version) -> bool:
    if sign == "==":
        return version[: len(bound)] == bound
    left, right = zip(*zip_longest(version, bound, fillvalue=0), strict=True)
    return _COMPARE[sign](left, right)


def _numbers(text: str) -> _Version:
    return tuple(map(int, text.split(".")))
