"""`homeport nodepool`: nodes of one cluster with like hardware."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.completing import ids_of
from homeport.cli.grammar import noun
from homeport.cli.ids import nodepool_ref, one_or_two
from homeport.cli.nouns import NODEPOOL
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    FileOption,
    LabelledOption,
    LabelOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    YesOption,
    given,
    pairs,
)
from homeport.cli.spec_source import spec_from

app = noun("Groups of like nodes within one cluster.")
FORM = "CLUSTER/NODEPOOL"
NodepoolId = Annotated[
    list[str],
    typer.Argument(
        metavar=FORM,
        help="The cluster and the nodepool's id within it, with / or a blank.",
        autocompletion=ids_of(NODEPOOL),
    ),
]


@app.command("create")
def create(
    nodepool: Annotated[
        list[str] | None, typer.Argument(metavar=FORM, help="The cluster and the new id, with / or a blank between.")
    ] = None,
    min_instances: Annotated[int | None, typer.Option("--min-instances", help="Fewest nodes.")] = None,
    max_instances: Annotated[int | None, typer.Option("--max-instances", help="Most nodes; joins beyond fail.")] = None,
    instance_type: Annotated[
        list[str] | None, typer.Option(help="What its nodes look like; see `homeport instance-type list`.")
    ] = None,
    project: Annotated[str, typer.Option(help="Dedicate it to this project; otherwise it is shared.")] = "",
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
      homeport nodepool create my-cluster my-nodepool --config nodepool_config.yaml
    """
    flags = given(
        min_instances=min_instances,
        max_instances=max_instances,
        instance_types=[{"id": each} for each in instance_type or []],
        project=project,
        tenancy="dedicated" if project else "",
        description=description,
        labels=pairs(label, "--label"),
    )
    identity = nodepool_ref(one_or_two(nodepool, FORM)) if nodepool else {}
    spec = spec_from(file, NODEPOOL.root, identity, flags, FORM)
    objects.create_object(NODEPOOL, spec, Shown(output, context=context))


@app.command("list")
def list_(
    in_cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Only those of this cluster.")] = "",
    cluster: Annotated[str, typer.Option(help="Only those of this cluster.")] = "",
    tenancy: Annotated[str, typer.Option(help="Only those that are: shared, dedicated.")] = "",
    project: Annotated[str, typer.Option(help="Only those that are dedicated to this project.")] = "",
    label: LabelledOption = None,
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List nodepools.

    \b
    Examples:
      homeport nodepool list
      homeport nodepool list --cluster office -o yaml
    """
    filters = {"cluster": cluster or in_cluster, "tenancy": tenancy, "project": project}
    objects.list_objects(NODEPOOL, Shown(output, watch, context), Chosen(limit, sort, search, label, filters))


@app.command("get")
def get(
    nodepool: NodepoolId,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show one nodepool.

    \b
    Example:
      homeport nodepool get office/gpu
    """
    objects.get_object(NODEPOOL, one_or_two(nodepool, FORM), Shown(output, watch, context))


@app.command("delete")
def delete(nodepool: NodepoolId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a nodepool that has no nodes and no deployments any more.

    \b
    Example:
      homeport nodepool delete office/gpu
    """
    objects.delete_object(NODEPOOL, one_or_two(nodepool, FORM), yes, context)
