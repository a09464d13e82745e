"""`homeport deployment`: model versions served on nodepools."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.deployment_spec import deployment_spec
from homeport.cli.documents import read_spec
from homeport.cli.options import (
    ContextOption,
    EnvOption,
    FileOption,
    OutputFormat,
    OutputOption,
    YesOption,
    pairs,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Model versions served on nodepools.")
DeploymentId = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The deployment's id.")]


@app.command("create")
def create(
    deployment_id: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The new deployment's id.")] = "",
    model: Annotated[str, typer.Option(metavar="MODEL[/VERSION]", help="What to serve; newest version if open.")] = "",
    nodepool: Annotated[
        list[str] | None, typer.Option(metavar="CLUSTER/NODEPOOL", help="Where, best first. May be repeated.")
    ] = None,
    min_replicas: Annotated[int | None, typer.Option("--min", help="Fewest replicas, 0 allowed (default 1).")] = None,
    max_replicas: Annotated[int | None, typer.Option("--max", help="Most replicas (default 1).")] = None,
    env: EnvOption = None,
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a deployment, from flags or from a file. `homeport apply` also changes existing ones.

    \b
    Examples:
      homeport deployment create chat --model smollm2/v1 --nodepool office/gpu --min 1 --max 3
      homeport deployment create -f deployment.yaml
    """
    if file and (deployment_id or model or nodepool):
        raise typer.BadParameter("give either a file or the id and its flags, not both", param_hint="--file")
    if file:
        spec = read_spec(file, objects.DEPLOYMENT.root)
    elif deployment_id and model and nodepool:
        variables = pairs(env, "--env")
        spec = deployment_spec(deployment_id, model, nodepool, min_replicas, max_replicas, variables)
    else:
        raise typer.BadParameter("give DEPLOYMENT with --model and --nodepool, or a file with -f")
    objects.create_object(objects.DEPLOYMENT, spec, output, context)


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """List deployments with their phase and where they run.

    \b
    Examples:
      homeport deployment list
      homeport deployment list -o json
    """
    objects.list_objects(objects.DEPLOYMENT, output, context)


@app.command("get")
def get(deployment_id: DeploymentId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show one deployment.

    That is where it runs, its replicas, and why a node takes none.

    \b
    Examples:
      homeport deployment get smollm2-chat
      homeport deployment get smollm2-chat -o yaml > deployment.yaml
    """
    objects.get_object(objects.DEPLOYMENT, deployment_id, output, context)


@app.command("delete")
def delete(deployment_id: DeploymentId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a deployment and stop its replicas.

    \b
    Example:
      homeport deployment delete smollm2-chat
    """
    objects.delete_object(objects.DEPLOYMENT, deployment_id, yes, context)
