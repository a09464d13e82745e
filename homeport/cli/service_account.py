"""`homeport service-account`: programs that act for themselves."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.completing import ids_of
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
    YesOption,
    given,
)
from homeport.cli.spec_source import spec_from

app = noun("Programs that act for themselves.")
AccountId = Annotated[
    str, typer.Argument(metavar="SERVICE-ACCOUNT", help="Its id.", autocompletion=ids_of(SERVICE_ACCOUNT))
]


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


@app.command("get")
def get(
    service_account: AccountId,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show one service account.

    \b
    Example:
      homeport service-account get ci
    """
    objects.get_object(SERVICE_ACCOUNT, service_account, Shown(output, watch, context))


@app.command("delete")
def delete(service_account: AccountId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a service account, with its tokens and roles.

    \b
    Example:
      homeport service-account delete ci
    """
    objects.delete_object(SERVICE_ACCOUNT, service_account, yes, context)
