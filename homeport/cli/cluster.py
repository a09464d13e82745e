"""`homeport cluster`: sites."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import CLUSTER
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
    given,
    pairs,
)
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("Sites: hosts that share a place, a network and an owner.")


@app.command("create")
def create(
    cluster_id: Annotated[str, typer.Argument(metavar="CLUSTER", help="The new cluster's id.")] = "",
    kind: Annotated[str, typer.Option(help="vpc, on-prem, edge, air-gapped or cloud.")] = "",
    provider: Annotated[str, typer.Option(help="aws, gcp, ...; `local` for machines of your own.")] = "",
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
      homeport cluster create my-cluster --config compute_cluster_config.yaml
    """
    flags = given(
        kind=kind,
        cloud_provider=given(id=provider),
        region=region,
        description=description,
        labels=pairs(label, "--label"),
    )
    spec = spec_from(file, CLUSTER.root, {"id": cluster_id} if cluster_id else {}, flags, "CLUSTER")
    objects.create_object(CLUSTER, spec, Shown(output, context=context))


@app.command("list")
def list_(
    kind: Annotated[str, typer.Option(help="Only those of this kind.")] = "",
    provider: Annotated[str, typer.Option("--provider", "--cloud", help="Only those of this provider.")] = "",
    region: Annotated[str, typer.Option(help="Only those of this region.")] = "",
    label: LabelledOption = None,
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List clusters.

    \b
    Examples:
      homeport cluster list
      homeport cluster list -o yaml > clusters.yaml
    """
    filters = {"kind": kind, "cloud_provider": provider, "region": region}
    objects.list_objects(CLUSTER, Shown(output, watch, context), Chosen(limit, sort, search, label, filters))


add_get(app, CLUSTER, "Show one cluster.", "homeport cluster get office -o json")
add_delete(app, CLUSTER, "Delete a cluster that has no nodepools any more.", "homeport cluster delete office")
