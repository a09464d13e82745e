"""`homeport nodepool`: nodes of one cluster with like hardware."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.ids import nodepool_ref
from homeport.cli.options import (
    ContextOption,
    DescriptionOption,
    FileOption,
    LabelOption,
    OutputFormat,
    OutputOption,
    YesOption,
    given,
    pairs,
)
from homeport.cli.spec_source import spec_from

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Groups of like nodes within one cluster.")
NodepoolId = Annotated[str, typer.Argument(metavar="CLUSTER/NODEPOOL", help="The nodepool's id within its cluster.")]


@app.command("create")
def create(
    nodepool: Annotated[str, typer.Argument(metavar="CLUSTER/NODEPOOL", help="The cluster and the new id.")] = "",
    min_instances: Annotated[int | None, typer.Option("--min-instances", help="Fewest nodes.")] = None,
    max_instances: Annotated[int | None, typer.Option("--max-instances", help="Most nodes; joins beyond fail.")] = None,
    description: DescriptionOption = "",
    label: LabelOption = None,
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a nodepool, from flags or from a file.

    \b
    Examples:
      homeport nodepool create office/gpu --max-instances 4
      homeport nodepool create -f nodepool.yaml
    """
    flags = given(
        min_instances=min_instances,
        max_instances=max_instances,
        description=description,
        labels=pairs(label, "--label"),
    )
    identity = nodepool_ref(nodepool) if nodepool else {}
    spec = spec_from(file, objects.NODEPOOL.root, identity, flags, "CLUSTER/NODEPOOL")
    objects.create_object(objects.NODEPOOL, spec, output, context)


@app.command("list")
def list_(
    cluster: Annotated[str, typer.Option(help="Only those of this cluster.")] = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List nodepools.

    \b
    Example:
      homeport nodepool list --cluster office
    """
    objects.list_objects(objects.NODEPOOL, output, context, cluster=cluster)


@app.command("get")
def get(nodepool: NodepoolId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show one nodepool.

    \b
    Example:
      homeport nodepool get office/gpu
    """
    objects.get_object(objects.NODEPOOL, nodepool, output, context)


@app.command("delete")
def delete(nodepool: NodepoolId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a nodepool that has no nodes and no deployments any more.

    \b
    Example:
      homeport nodepool delete office/gpu
    """
    objects.delete_object(objects.NODEPOOL, nodepool, yes, context)
