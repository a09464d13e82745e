"""`homeport instance-type`: named shapes of machines."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import INSTANCE_TYPE
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

app = noun("Named shapes of machines: from a catalogue, your own, and those of your nodes.")


@app.command("create")
def create(
    instance_type: Annotated[str, typer.Argument(metavar="INSTANCE-TYPE", help="The new id.")] = "",
    cpu: Annotated[str, typer.Option(help="Cores: 16.")] = "",
    memory: Annotated[str, typer.Option(help="Memory: 64Gi.")] = "",
    gpus: Annotated[int | None, typer.Option(help="How many accelerators.")] = None,
    gpu_type: Annotated[str, typer.Option(help="Their type: NVIDIA-A10G.")] = "",
    gpu_memory: Annotated[str, typer.Option(help="Memory of each: 24Gi.")] = "",
    price_per_hour: Annotated[float | None, typer.Option(help="What an hour costs, US dollars.")] = None,
    provider: Annotated[str, typer.Option(help="aws, gcp, ...; `local` for machines of your own.")] = "",
    region: Annotated[str, typer.Option(help="Where that price holds.")] = "",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create an instance type of your own, from flags or from a file.

    \b
    Examples:
      homeport instance-type create rack-a --cpu 32 --memory 256Gi --gpus 4 --gpu-type NVIDIA-L40S --gpu-memory 48Gi
      homeport instance-type create -f rack.yaml
    """
    flags = given(
        compute_info=given(
            cpu_limit=cpu,
            cpu_memory=memory,
            num_accelerators=gpus,
            accelerator_type=[gpu_type] if gpu_type else [],
            accelerator_memory=gpu_memory,
        ),
        price_per_hour=price_per_hour,
        cloud_provider=given(id=provider),
        region=region,
        description=description,
    )
    identity = {"id": instance_type} if instance_type else {}
    spec = spec_from(file, INSTANCE_TYPE.root, identity, flags, "INSTANCE-TYPE")
    objects.create_object(INSTANCE_TYPE, spec, Shown(output, context=context))


@app.command("list")
def list_(
    source: Annotated[str, typer.Option(help="Only those of: catalogue, own, node.")] = "",
    provider: Annotated[str, typer.Option("--provider", "--cloud", help="Only those of this provider.")] = "",
    region: Annotated[str, typer.Option(help="Only those of this region.")] = "",
    gpu: Annotated[str, typer.Option(help="Only those with this accelerator: A10G, NVIDIA-*.")] = "",
    min_gpus: Annotated[int | None, typer.Option(help="Only those with at least that many accelerators.")] = None,
    min_gpu_memory: Annotated[
        str, typer.Option("--min-gpu-memory", "--min-gpu-mem", help="Only those with as much on each: 24Gi.")
    ] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List instance types with what they have and cost.

    \b
    Examples:
      homeport instance-type list --source node
      homeport instance-type list --provider aws --gpu A10G --sort price_per_hour
    """
    filters = {
        "source": source,
        "cloud_provider": provider,
        "region": region,
        "accelerator_type": gpu,
        "min_accelerators": "" if min_gpus is None else str(min_gpus),
        "min_accelerator_memory": min_gpu_memory,
    }
    objects.list_objects(INSTANCE_TYPE, Shown(output, watch, context), Chosen(limit, sort, search, filters=filters))


add_get(app, INSTANCE_TYPE, "Show one instance type.", "homeport instance-type get g5.xlarge -o yaml")
add_delete(app, INSTANCE_TYPE, "Delete an instance type of your own.", "homeport instance-type delete rack-a")
