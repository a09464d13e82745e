"""`homeport node`: enrolled hosts."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, YesOption

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Enrolled hosts. To add one, make a join token: `homeport join-token create --nodepool CLUSTER/NODEPOOL`.",
)
NodeId = Annotated[str, typer.Argument(metavar="NODE", help="The node's id, or its name where that is unique.")]


@app.command("list")
def list_(
    cluster: Annotated[str, typer.Option(help="Only those of this cluster.")] = "",
    nodepool: Annotated[str, typer.Option(help="Only those of this nodepool.")] = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List nodes with their status and hardware.

    \b
    Examples:
      homeport node list
      homeport node list --cluster office -o json
    """
    objects.list_objects(objects.NODE, output, context, cluster=cluster, nodepool=nodepool)


@app.command("get")
def get(node: NodeId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show one node.

    \b
    Example:
      homeport node get rack7 -o json
    """
    objects.get_object(objects.NODE, node, output, context)


@app.command("delete")
def delete(node: NodeId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Forget a node: its agent is turned away from then on.

    \b
    Example:
      homeport node delete rack7
    """
    objects.delete_object(objects.NODE, node, yes, context)
