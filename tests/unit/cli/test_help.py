from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from homeport.cli.main import app


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if hasattr(inner, "commands"):
            yield from _commands(inner, (*path, name))
        else:
            yield " ".join((*path, name)), inner


COMMANDS = dict(_commands(typer.main.get_command(app)))


def test_the_grammar() -> None:
    """Noun verb; the verbs are the same for every noun that has them."""
    verbs = {"create", "list", "get", "delete"}
    for noun in ("cluster", "nodepool", "instance-type", "model", "model version", "deployment", "project"):
        assert {f"{noun} {verb}" for verb in verbs} <= COMMANDS.keys()
    assert {f"deployment {verb}" for verb in ("stop", "start", "restart", "scale")} <= COMMANDS.keys()
    assert {"node list", "node get", "node delete"} <= COMMANDS.keys()
    assert {"join-token create", "join-token list", "join-token delete"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("version", "list-instances")])
def test_every_help_teaches_by_example(name: str) -> None:
    text = COMMANDS[name].help
    assert "Example" in text
    assert f"homeport {name}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_one_line_help_fits_a_line(name: str) -> None:
    assert not COMMANDS[name].get_short_help_str(limit=64).endswith("...")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in COMMANDS
        if name.split()[-1] in ("list", "get", "create", "apply", "status") and name != "context create"
    ],
)
def test_whatever_prints_objects_has_output_formats(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"-o", "--output"} <= options
