"""Values of secrets from the command line, files and a prompt."""

import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from homeport.cli.options import pairs
from homeport.core.errors import ErrorCode, HomeportError

LiteralOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from-literal", metavar="KEY=VALUE", help="May be repeated. The shell's history keeps it: see --from-stdin."
    ),
]
FromFileOption = Annotated[
    list[str] | None,
    typer.Option("--from-file", metavar="KEY=PATH", help="The whole text of a file. May be repeated."),
]
EnvFileOption = Annotated[
    str, typer.Option("--from-env-file", metavar="FILE", help="Lines KEY=VALUE; # begins a comment.")
]
StdinOption = Annotated[
    str, typer.Option("--from-stdin", metavar="KEY", help="Standard input, or a prompt that shows nothing.")
]


def given_values(literal: list[str] | None, file: list[str] | None, env_file: str, stdin: str) -> dict[str, str]:
    """By their keys. Raises a usage error for a key that is given twice."""
    found: dict[str, str] = {}
    for key, value in _each(literal, file, env_file, stdin):
        if key in found:
            raise typer.BadParameter(f"key {key} is given twice")
        found[key] = value
    return found


def _each(literal: list[str] | None, file: list[str] | None, env_file: str, stdin: str) -> Iterator[tuple[str, str]]:
    yield from _literals(literal)
    for key, path in pairs(file, "--from-file").items():
        yield key, _text_of(path)
    if env_file:
        yield from _lines_of(env_file)
    if stdin:
        yield stdin, _from_stdin(stdin)


def _literals(items: list[str] | None) -> Iterator[tuple[str, str]]:
    """An error must not repeat what may be a value."""
    for item in items or []:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise typer.BadParameter("write KEY=VALUE", param_hint="--from-literal")
        yield key, value


def _lines_of(path: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text_of(path).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.removeprefix("export ").partition("=")
        if not equals:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, "is not of the form KEY=VALUE", path=f"{path}:{number}")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        yield key.strip(), value[1:-1] if quoted else value


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise HomeportError(ErrorCode.NOT_FOUND, f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{path} is not UTF-8 text",
            hint="a secret holds text: give it in base64, and let the model decode it",
        ) from None


def _from_stdin(key: str) -> str:
    """Without the newline at its end, which editors and `echo` add."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{key}: ")
    return sys.stdin.read().removesuffix("\n")
