"""Commands in the documentation and in the examples are ones that the command takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from homeport.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
COMMAND: Any = typer.main.get_command(app)


def _commands() -> list[str]:
    """`homeport ...` at the beginning of a line of a shell block or script, or after a pipe; continued lines joined."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [block for page in pages for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)]
    blocks += [script.read_text() for script in sorted((ROOT / "examples").rglob("*.sh"))]
    text = "\n".join(blocks).replace("\\\n", " ")
    return re.findall(r"(?:^|\| |\$\()(?:\.venv/bin/)?homeport ([^|\n>)]+)", text, re.MULTILINE)


def _parse(arguments: list[str]) -> None:
    """Raises a usage error, as the command would."""
    command = COMMAND
    context = None
    name = "homeport"
    while hasattr(command, "commands"):
        context = command.make_context(name, list(arguments), parent=context)
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, list(arguments), parent=context)


@pytest.mark.parametrize("line", sorted(set(_commands())))
def test_it_is_understood(line: str) -> None:
    arguments = shlex.split(line, comments=True)
    if arguments[0] not in ("--help", "--install-completion", "--show-completion"):
        _parse(arguments)


def test_what_the_command_does_not_take_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        _parse(["deployment", "list", "--phases", "ready"])
    with pytest.raises(Exception, match="No such command"):
        _parse(["deployment", "lst"])
