"""The id of an existing object, as an argument that the shell completes."""

from typing import Any

import typer

from homeport.cli.completing import ids_of
from homeport.cli.nouns import Noun


def id_argument(noun: Noun) -> Any:
    metavar = noun.id_form or noun.word.upper().replace(" ", "-")
    return typer.Argument(metavar=metavar, help=noun.id_help or f"The {noun.word}'s id.", autocompletion=ids_of(noun))
