"""`get` and `delete`, which differ from noun to noun in their words alone.

`about` is the help's text, `examples` are whole command lines.
"""

import typer

from homeport.cli import objects
from homeport.cli.id_argument import id_argument
from homeport.cli.nouns import Noun
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, Shown, WatchOption, YesOption


def add_get(app: typer.Typer, noun: Noun, about: str, *examples: str) -> None:
    argument = id_argument(noun)

    @app.command("get", help=_help(about, examples))
    def get(
        object_id: str = argument,
        watch: WatchOption = False,
        output: OutputOption = OutputFormat.TABLE,
        context: ContextOption = "",
    ) -> None:
        objects.get_object(noun, object_id, Shown(output, watch, context))


def add_delete(app: typer.Typer, noun: Noun, about: str, *examples: str) -> None:
    argument = id_argument(noun)

    @app.command("delete", help=_help(about, examples))
    def delete(object_id: str = argument, yes: YesOption = False, context: ContextOption = "") -> None:
        objects.delete_object(noun, object_id, yes, context)


def _help(about: str, examples: tuple[str, ...]) -> str:
    heading = "Example:" if len(examples) == 1 else "Examples:"
    return "\n".join([about, "", "\b", heading, *(f"  {example}" for example in examples)])
