"""`homeport model version`: immutable packagings of a model."""

import shlex
from typing import Annotated, Any

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.ids import two_parts
from homeport.cli.nouns import MODEL_VERSION
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    EnvOption,
    FileOption,
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

app = noun("Immutable packagings of a model: what to run, and what it needs. A change is a new version.")


@app.command("create")
def create(
    version: Annotated[str, typer.Argument(metavar="MODEL/VERSION", help="The model and the new id.")] = "",
    command: Annotated[
        str, typer.Option(help="What to start, as one shell-quoted text; {port} is filled in by the agent.")
    ] = "",
    image: Annotated[str, typer.Option(help="Container image, for the docker driver.")] = "",
    driver: Annotated[str, typer.Option(help="process or docker.")] = "",
    working_directory: Annotated[str, typer.Option(help="Folder on the host to start the command in.")] = "",
    port: Annotated[int | None, typer.Option(help="Fixed port; without it the agent picks a free one.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Where gRPC goes, if not to --port; 0 = a free one.")] = None,
    readiness_path: Annotated[str, typer.Option(help="GET this path until it answers 2xx (default /health).")] = "",
    cpu: Annotated[str, typer.Option(help="Cores a replica needs: 2, 500m.")] = "",
    memory: Annotated[str, typer.Option(help="Memory a replica needs: 4Gi.")] = "",
    gpus: Annotated[int | None, typer.Option(help="Accelerators a replica needs.")] = None,
    gpu_memory: Annotated[str, typer.Option(help="Memory on each accelerator: 24Gi.")] = "",
    gpu_type: Annotated[list[str] | None, typer.Option(help="Accepted types, wildcards allowed: 'NVIDIA-*'.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests that one replica takes at once.")] = None,
    served_model_name: Annotated[str, typer.Option(help="What the server expects in a request's `model`.")] = "",
    env: EnvOption = None,
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a model version, from flags or from a file.

    \b
    Examples:
      homeport model version create echo/v1 --command "python3 /srv/echo.py --port {port}" --cpu 500m --memory 256Mi
      homeport model version create -f version.yaml
    """
    needs = given(
        cpu_limit=cpu,
        cpu_memory=memory,
        num_accelerators=gpus,
        accelerator_memory=gpu_memory,
        accelerator_type=gpu_type,
    )
    flags = given(
        driver=driver,
        command=shlex.split(command),
        image=image,
        working_directory=working_directory,
        port=port,
        grpc_port=grpc_port,
        readiness=given(path=readiness_path),
        inference_compute_info=needs,
        concurrency=concurrency,
        served_model_name=served_model_name,
        env=pairs(env, "--env"),
        description=description,
    )
    spec = spec_from(file, MODEL_VERSION.root, _identity(version), flags, "MODEL/VERSION")
    parent = spec.get("model", {}).get("id", "") if isinstance(spec.get("model"), dict) else ""
    if not parent:
        raise typer.BadParameter("the document does not say `model: {id: ...}`", param_hint="--file")
    objects.create_object(MODEL_VERSION, spec, Shown(output, context=context), parent)


@app.command("list")
def list_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Whose versions.")],
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List the versions of a model.

    \b
    Example:
      homeport model version list smollm2
    """
    objects.list_objects(MODEL_VERSION, Shown(output, watch, context), Chosen(limit, sort, search), parent=model)


add_get(app, MODEL_VERSION, "Show one model version.", "homeport model version get smollm2/v1 -o yaml")
add_delete(
    app,
    MODEL_VERSION,
    "Delete a model version that no deployment uses any more.",
    "homeport model version delete smollm2/v1",
)


def _identity(version: str) -> dict[str, Any]:
    if not version:
        return {}
    model, version_id = two_parts(version, "MODEL/VERSION")
    return {"id": version_id, "model": {"id": model}}
