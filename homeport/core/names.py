"""Ids that people choose, and help for mistyped ones."""

import difflib
import re
from collections.abc import Iterable

ID_RULE = "1 to 63 characters: letters, digits, '-' and '_', beginning with a letter or digit"
ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def is_valid_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def near_matches(wanted: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that look like the wanted one, best first."""
    return difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.5)


def did_you_mean(wanted: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the near matches, or `otherwise`."""
    near = near_matches(wanted, known)
    return f"did you mean {' or '.join(near)}?" if near else otherwise
