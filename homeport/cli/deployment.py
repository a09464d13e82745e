"""`homeport deployment`: model versions served on nodepools."""

from typing import Annotated, Any

import typer

from homeport.cli import deployment_history, deployment_split, deployment_verbs, objects
from homeport.cli.connect import connect
from homeport.cli.deployment_spec import DeploymentFlags, deployment_spec
from homeport.cli.grammar import noun
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import (
    Chosen,
    ContextOption,
    CreateMissingOption,
    EnvOption,
    FileOption,
    LabelledOption,
    LabelOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    ProjectOption,
    SearchOption,
    SettleOption,
    Shown,
    SortOption,
    WatchOption,
    pairs,
)
from homeport.cli.shared_verbs import add_delete, add_get

app = noun("Model versions served on nodepools.")


@app.command("create")
def create(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NODEPOOL] DEPLOYMENT", help="The new deployment's id, and before it where it runs."),
    ] = None,
    model: Annotated[str, typer.Option(metavar="MODEL[/VERSION]", help="What to serve; newest version if open.")] = "",
    nodepool: Annotated[
        list[str] | None, typer.Option(metavar="CLUSTER/NODEPOOL", help="Where, best first. May be repeated.")
    ] = None,
    min_replicas: Annotated[int | None, typer.Option("--min", help="Fewest replicas, 0 allowed (default 1).")] = None,
    max_replicas: Annotated[int | None, typer.Option("--max", help="Most replicas (default 1).")] = None,
    environment: Annotated[str, typer.Option(help="development, staging or production.")] = "",
    residency: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label that its clusters must carry.")
    ] = None,
    project: ProjectOption = "",
    env: EnvOption = None,
    label: LabelOption = None,
    create_missing: CreateMissingOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it would fit, where, and at what price, without creating it.")
    ] = False,
    watch: SettleOption = False,
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a deployment, from flags or from a file. `homeport apply` also changes existing ones.

    \b
    Examples:
      homeport deployment create chat --model smollm2/v1 --nodepool office/gpu --min 1 --max 3 --watch
      homeport deployment create chat --model smollm2/v1 --nodepool office/gpu --max 3 --dry-run
      homeport deployment create office/gpu chat --model smollm2 --environment production
      homeport deployment create my-nodepool my-deployment --config deployment_config.yaml
    """
    *pools, deployment_id = names or [""]
    if len(pools) > 1:
        raise typer.BadParameter("give at most a nodepool and the deployment's id", param_hint="DEPLOYMENT")
    flags = DeploymentFlags(
        model=model,
        nodepools=nodepool or [],
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        environment=environment,
        residency=pairs(residency, "--residency"),
        project=project,
        env=pairs(env, "--env"),
        labels=pairs(label, "--label"),
    )
    if file and flags != DeploymentFlags():
        raise typer.BadParameter("give either a file or flags, not both", param_hint="--file")
    if not file and not (deployment_id and model and (pools or nodepool)):
        raise typer.BadParameter("give DEPLOYMENT with --model and --nodepool, or a file with -f")
    with connect(context) as client:
        places = [client.find_nodepool(pool) for pool in pools]
    spec = _from_file(file, deployment_id, places) if file else deployment_spec(deployment_id, flags, places)
    created = objects.create_object(
        DEPLOYMENT, spec, Shown(output, context=context), create_missing=create_missing, dry_run=dry_run
    )
    if watch and not dry_run:
        from homeport.cli.settling import watch_until_settled

        with connect(context) as client:
            watch_until_settled(client, [created.id], output)


@app.command("list")
def list_(
    on_nodepool: Annotated[str, typer.Argument(metavar="NODEPOOL", help="Only those on this nodepool.")] = "",
    model: Annotated[str, typer.Option(help="Only those of this model.")] = "",
    cluster: Annotated[str, typer.Option(help="Only those on this cluster.")] = "",
    nodepool: Annotated[str, typer.Option(metavar="CLUSTER/NODEPOOL", help="Only those on this nodepool.")] = "",
    phase: Annotated[str, typer.Option(help="Only those in this phase: ready, pending, failed, ...")] = "",
    state: Annotated[str, typer.Option(help="Only those asked to be: running, stopped.")] = "",
    environment: Annotated[str, typer.Option(help="Only those of this environment.")] = "",
    project: Annotated[str, typer.Option(help="Only those of this project.")] = "",
    label: LabelledOption = None,
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List deployments with their phase and where they run.

    \b
    Examples:
      homeport deployment list --watch
      homeport deployment list --phase failed --sort -created_at -o json
    """
    filters = {
        "model": model,
        "cluster": cluster,
        "nodepool": nodepool or on_nodepool,
        "phase": phase,
        "state": state,
        "environment": environment,
        "project": project,
    }
    objects.list_objects(DEPLOYMENT, Shown(output, watch, context), Chosen(limit, sort, search, label, filters))


add_get(
    app,
    DEPLOYMENT,
    "Show one deployment.\n\nThat is where it runs, its replicas, and why a node takes none.",
    "homeport deployment get smollm2-chat",
    "homeport deployment get smollm2-chat -o yaml > deployment.yaml",
)
add_delete(app, DEPLOYMENT, "Delete a deployment and stop its replicas.", "homeport deployment delete smollm2-chat")


app.command("stop")(deployment_verbs.stop)
app.command("start")(deployment_verbs.start)
app.command("restart")(deployment_verbs.restart)
app.command("scale")(deployment_verbs.scale)
app.command("pause-autoscaling")(deployment_verbs.pause_autoscaling)
app.command("resume-autoscaling")(deployment_verbs.resume_autoscaling)
app.command("revisions")(deployment_split.revisions)
app.command("split")(deployment_split.split)
app.command("promote")(deployment_split.promote)
app.command("rollback")(deployment_split.rollback)
app.command("cold-starts")(deployment_history.cold_starts)
app.command("scaling")(deployment_history.scaling)
app.command("faults")(deployment_history.faults)
app.command("traffic")(deployment_history.traffic)


def _from_file(file: str, deployment_id: str, places: list[str]) -> dict[str, Any]:
    from homeport.client.config_file import spec_from_file, with_nodepool

    spec = spec_from_file(file, DEPLOYMENT.root, id=deployment_id)
    return with_nodepool(spec, places[0]) if places else spec
