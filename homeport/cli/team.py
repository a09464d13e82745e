"""`homeport team`: people who hold roles together."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import TEAM
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    FileOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    given,
)
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("People who hold roles together.")


@app.command("create")
def create(
    team: Annotated[str, typer.Argument(metavar="TEAM", help="The new id.")] = "",
    member: Annotated[list[str] | None, typer.Option("--member", metavar="USER", help="May be repeated.")] = None,
    oidc_group: Annotated[
        list[str] | None,
        typer.Option("--oidc-group", metavar="GROUP", help="Who is in it at the OpenID provider. May be repeated."),
    ] = None,
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a team.

    \b
    Examples:
      homeport team create ops --member anna --member ben
      homeport team create research --oidc-group ml-research
      homeport role-binding create --role operator --to team/ops --in cluster/office
    """
    flags = given(members=member, oidc_groups=oidc_group, description=description)
    spec = spec_from(file, TEAM.root, {"id": team} if team else {}, flags, "TEAM")
    objects.create_object(TEAM, spec, Shown(output, context=context))


@app.command("list")
def list_(
    member: Annotated[str, typer.Option("--member", metavar="USER", help="Only those of this user.")] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List teams.

    \b
    Example:
      homeport team list --member anna
    """
    chosen = Chosen(limit, sort, search, filters={"member": member})
    objects.list_objects(TEAM, Shown(output, watch, context), chosen)


add_get(app, TEAM, "Show one team.", "homeport team get ops")
add_delete(app, TEAM, "Delete a team, with its roles.", "homeport team delete ops")
