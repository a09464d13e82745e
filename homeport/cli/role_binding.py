"""`homeport role-binding`: who may do what, and where."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import ROLE_BINDING
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

app = noun("Who may do what, and where.")


@app.command("create")
def create(
    role_binding: Annotated[str, typer.Argument(metavar="ROLE-BINDING", help="Its id; made up if left out.")] = "",
    role: Annotated[str, typer.Option("--role", help="admin, operator, deployer, viewer or invoker.")] = "",
    subject: Annotated[
        str, typer.Option("--to", metavar="SUBJECT", help="user/ID, team/ID or service_account/ID.")
    ] = "",
    scope: Annotated[
        str,
        typer.Option(
            "--in", metavar="SCOPE", help="organisation, project/ID, cluster/ID, nodepool/CLUSTER/ID, deployment/ID."
        ),
    ] = "organisation",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Give somebody a role somewhere.

    \b
    Examples:
      homeport role-binding create --role deployer --to user/anna --in project/vision
      homeport role-binding create --role operator --to team/ops --in cluster/office
      homeport role-binding create --role invoker --to service_account/shop --in deployment/chat
    """
    if file:
        spec = spec_from(file, ROLE_BINDING.root, {"id": role_binding} if role_binding else {}, {}, "ROLE-BINDING")
    elif not role or not subject:
        raise typer.BadParameter("give --role and --to, or a file with -f", param_hint="--role")
    else:
        id = role_binding or made_up_id(role, subject, scope)
        spec = {"id": id, "role": role, "subject": subject, "scope": scope, **given(description=description)}
    objects.create_object(ROLE_BINDING, spec, Shown(output, context=context))


def made_up_id(role: str, subject: str, scope: str) -> str:
    """`anna-deployer-project-vision`: the same for the same, so that nobody gets a role twice."""
    where = "" if scope == "organisation" else f"-{scope.replace('/', '-')}"
    return f"{subject.rpartition('/')[2]}-{role}{where}"[:63]


@app.command("list")
def list_(
    subject: Annotated[str, typer.Option("--to", metavar="SUBJECT", help="Only those of user/ID, team/ID, ...")] = "",
    role: Annotated[str, typer.Option("--role", help="Only those with this role.")] = "",
    scope: Annotated[str, typer.Option("--in", metavar="SCOPE", help="Only those that hold right there.")] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List role bindings.

    \b
    Example:
      homeport role-binding list --to user/anna
    """
    chosen = Chosen(limit, sort, search, filters={"subject": subject, "role": role, "scope": scope})
    objects.list_objects(ROLE_BINDING, Shown(output, watch, context), chosen)


add_get(app, ROLE_BINDING, "Show one role binding.", "homeport role-binding get anna-deployer-project-vision")
add_delete(app, ROLE_BINDING, "Take a role away.", "homeport role-binding delete anna-deployer-project-vision")
