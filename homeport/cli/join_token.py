"""`homeport join-token`: what a new host needs to join."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.nouns import JOIN_TOKEN
from homeport.cli.options import (
    Chosen,
    ContextOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    Shown,
    SortOption,
    WatchOption,
    YesOption,
)
from homeport.cli.output import print_plain

app = noun("One-time tokens with which a host joins a nodepool.")


@app.command("create")
def create(
    nodepool: Annotated[str, typer.Option(metavar="CLUSTER/NODEPOOL", help="The nodepool that the host joins.")],
    ttl: Annotated[int, typer.Option(metavar="SECONDS", help="How long it can be used, 10 to 1800.")] = 300,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a token for one host, and print the command to run there. It is shown only now.

    \b
    Example:
      homeport join-token create --nodepool office/gpu
    """
    with connect(context) as client:
        created = client.create_join_token(nodepool, ttl)
    if output is OutputFormat.TABLE:
        print(f"Run this on the host within {ttl} s; it works once:\n\n  {created['command']}\n")
    else:
        print_plain(created, output)


@app.command("list")
def list_(
    nodepool: Annotated[str, typer.Option(metavar="CLUSTER/NODEPOOL", help="Only those for this nodepool.")] = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List join tokens. The secrets are never shown again.

    \b
    Example:
      homeport join-token list
    """
    chosen = Chosen(limit, sort, filters={"nodepool": nodepool})
    objects.list_objects(JOIN_TOKEN, Shown(output, watch, context), chosen)


@app.command("delete")
def delete(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id, as listed.")],
    yes: YesOption = False,
    context: ContextOption = "",
) -> None:
    """Withdraw a token that was not used yet.

    \b
    Example:
      homeport join-token delete 5f2c9e01ab34
    """
    objects.delete_object(JOIN_TOKEN, token_id, yes, context)
