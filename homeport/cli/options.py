"""Options that mean the same in every command."""

from dataclasses import dataclass, field
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
FileOption = Annotated[
    str, typer.Option("--file", "-f", "--config", metavar="FILE", help="A YAML file; - reads standard input.")
]
LabelOption = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="May be repeated.")]
EnvOption = Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="May be repeated.")]
DescriptionOption = Annotated[str, typer.Option("--description", help="Free text.")]
ProjectOption = Annotated[str, typer.Option("--project", help="The project that it belongs to.")]
CreateMissingOption = Annotated[
    bool, typer.Option("--create-missing", help="Make the cluster and the nodepools that it names on the way.")
]
WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it as it changes, until Ctrl-C.")]
SettleOption = Annotated[bool, typer.Option("--watch", "-w", help="Follow it until that is done.")]
# Of lists.
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Show that many at most (default: all).")]
SortOption = Annotated[str, typer.Option("--sort", metavar="FIELD", help="id, created_at, ...; -FIELD: backwards.")]
SearchOption = Annotated[str, typer.Option("--search", "-q", metavar="TEXT", help="Only those with this text.")]
LabelledOption = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Only those with this label. May be repeated.")
]


@dataclass(frozen=True, slots=True)
class Shown:
    """How objects are to be shown."""

    output: OutputFormat = OutputFormat.TABLE
    watch: bool = False
    context: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which objects of a list. `filters` are the API's query parameters; empty ones do not count."""

    limit: int | None = None
    sort: str = ""
    search: str = ""
    labels: list[str] | None = None
    filters: dict[str, str] = field(default_factory=dict)


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
