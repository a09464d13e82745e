"""`homeport service-account`: programs that act for themselves."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import SERVICE_ACCOUNT
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

app = noun("Programs that act for themselves.")


@app.command("create")
def create(
    service_account: Annotated[str, typer.Argument(metavar="SERVICE-ACCOUNT", help="The new id.")] = "",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a service account. It may do nothing until it has a role.

    \b
    Examples:
      homeport service-account create ci --description "Deploys from the pipeline"
      homeport token create --name ci --owner service_account/ci
    """
    flags = given(description=description)
    spec = spec_from(
        file, SERVICE_ACCOUNT.root, {"id": service_account} if service_account else {}, flags, "SERVICE-ACCOUNT"
    )
    objects.create_object(SERVICE_ACCOUNT, spec, Shown(output, context=context))


@app.command("list")
def list_(
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List service accounts.

    \b
    Example:
      homeport service-account list
    """
    chosen = Chosen(limit, sort, search)
    objects.list_objects(SERVICE_ACCOUNT, Shown(output, watch, context), chosen)


add_get(app, SERVICE_ACCOUNT, "Show one service account.", "homeport service-account get ci")
add_delete(
    app, SERVICE_ACCOUNT, "Delete a service account, with its tokens and roles.", "homeport service-account delete ci"
)
