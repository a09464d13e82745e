"""`homeport cluster`: sites."""

from typing import Annotated

import typer

from homeport.cli import objects
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

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Sites: hosts that share a place, a network and an owner."
)
ClusterId = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's id.")]


@app.command("create")
def create(
    cluster_id: Annotated[str, typer.Argument(metavar="CLUSTER", help="The new cluster's id.")] = "",
    kind: Annotated[str, typer.Option(help="vpc, on-prem, edge, air-gapped or cloud.")] = "",
    region: Annotated[str, typer.Option(help="Where it stands, in your own words.")] = "",
    description: DescriptionOption = "",
    label: LabelOption = None,
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a cluster, from flags or from a file.

    \b
    Examples:
      homeport cluster create office --kind on-prem --region berlin
      homeport cluster create -f cluster.yaml
    """
    flags = given(kind=kind, region=region, description=description, labels=pairs(label, "--label"))
    spec = spec_from(file, objects.CLUSTER.root, {"id": cluster_id} if cluster_id else {}, flags, "CLUSTER")
    objects.create_object(objects.CLUSTER, spec, output, context)


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """List clusters.

    \b
    Examples:
      homeport cluster list
      homeport cluster list -o yaml > clusters.yaml
    """
    objects.list_objects(objects.CLUSTER, output, context)


@app.command("get")
def get(cluster_id: ClusterId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show one cluster.

    \b
    Example:
      homeport cluster get office -o json
    """
    objects.get_object(objects.CLUSTER, cluster_id, output, context)


@app.command("delete")
def delete(cluster_id: ClusterId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a cluster that has no nodepools any more.

    \b
    Example:
      homeport cluster delete office
    """
    objects.delete_object(objects.CLUSTER, cluster_id, yes, context)
