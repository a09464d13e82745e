"""Options that mean the same in every command."""

from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


OutputOption = Annotated[
    OutputFormat,
    typer.Option("--output", "-o", help="table to read, json with everything, yaml as `homeport apply` takes it."),
]
ContextOption = Annotated[str, typer.Option("--context", help="Which Homeport (see `homeport context list`).")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FileOption = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="A YAML file; - reads standard input.")]
LabelOption = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="May be repeated.")]
EnvOption = Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="May be repeated.")]
DescriptionOption = Annotated[str, typer.Option("--description", help="Free text.")]


def pairs(items: list[str] | None, option: str) -> dict[str, str]:
    """KEY=VALUE options as a dict. A usage error names the one that is not of this form."""
    found = {}
    for item in items or []:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{item!r} is not of the form KEY=VALUE", param_hint=option)
        found[key] = value
    return found


def given(**values: object) -> dict[str, object]:
    """Those that were given: unset options stay out of the request, so the server's defaults apply."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
