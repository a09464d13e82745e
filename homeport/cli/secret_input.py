"""What a person types and nobody is to see."""

import sys
from getpass import getpass

from homeport.core.errors import ErrorCode, HomeportError


def ask(what: str, hidden: bool = True) -> str:
    """A line: from the terminal, or of standard input where that is none. Raises when there is no line."""
    try:
        if sys.stdin.isatty():
            return getpass(f"{what}: ") if hidden else input(f"{what}: ").strip()
        line = sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{what} was not given",
            hint="type it at a terminal, or send it as a line to standard input",
        )
    return line.rstrip("\r\n")


def ask_new_password() -> str:
    """Twice at a terminal, where nobody sees a slip."""
    password = ask("New password")
    if sys.stdin.isatty() and ask("Once more") != password:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, "the two are not the same; nothing was changed")
    return password
