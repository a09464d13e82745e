"""Asking before something stops."""

import sys
from collections.abc import Callable

from homeport.core.errors import ErrorCode, HomeportError


def confirm(action: str, consequences: Callable[[], list[str]], name: str) -> None:
    """Returns when the person typed `name`; raises otherwise, and always when nobody can be asked.

    `consequences` finds out what will stop; it may raise, too.
    """
    if not sys.stdin.isatty():
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"cannot ask whether to {action}: no terminal",
            hint="add --yes to do it unasked",
        )
    for line in consequences():
        print(f"  {line}")
    if input(f"Type {name} to {action}: ").strip() != name:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"not confirmed, nothing was deleted: {action}")
