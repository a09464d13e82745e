"""`homeport deploy`: a shortcut to a deployment, which shows the YAML behind it."""

from typing import TYPE_CHECKING, Annotated

import typer

from homeport.cli.connect import connect
from homeport.cli.options import ContextOption, EnvOption, OutputFormat, SettleOption, pairs
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def deploy(
    model: Annotated[str, typer.Argument(metavar="MODEL[/VERSION]", help="An existing model; newest version if open.")],
    nodepool: Annotated[
        list[str] | None,
        typer.Option(metavar="CLUSTER/NODEPOOL", help="Where, best first. Not needed while there is only one."),
    ] = None,
    deployment_id: Annotated[str, typer.Option("--id", help="The deployment's id (default: the model's).")] = "",
    min_replicas: Annotated[int | None, typer.Option("--min", help="Fewest replicas, 0 allowed (default 1).")] = None,
    max_replicas: Annotated[int | None, typer.Option("--max", help="Most replicas (default 1).")] = None,
    env: EnvOption = None,
    watch: SettleOption = False,
    context: ContextOption = "",
) -> None:
    """Deploy a model, and print the YAML for it.

    The YAML is what was applied: keep it, edit it, apply it again.

    \b
    Examples:
      homeport deploy smollm2 --watch
      homeport deploy whisper/v2 --nodepool office/gpu --id dictation --min 0 --max 4
    """
    import sys

    from homeport.cli.deployment_spec import DeploymentFlags, deployment_spec
    from homeport.cli.output import print_documents

    variables = pairs(env, "--env")
    with connect(context) as client:
        pools = nodepool or [_only_nodepool(client)]
        name = deployment_id or model.split("/", 1)[0]
        flags = DeploymentFlags(model, pools, min_replicas, max_replicas, env=variables)
        document = {"deployment": deployment_spec(name, flags)}
        results = client.apply([document])
        print_documents([document])
        for result in results:
            sys.stderr.write(f"{result.kind}/{result.id} {result.action}\n")
        if watch:
            from homeport.cli.settling import watch_until_settled

            watch_until_settled(client, [name], OutputFormat.YAML)


def _only_nodepool(client: "Client") -> str:
    pools = [pool.id for pool in client.nodepools.list()]
    if len(pools) == 1:
        return pools[0]
    if not pools:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            "there is no nodepool to deploy to",
            hint="homeport cluster create office; homeport nodepool create office/default; then let a host join",
        )
    raise HomeportError(
        ErrorCode.INVALID_ARGUMENT, "several nodepools exist", hint=f"choose with --nodepool: {', '.join(pools)}"
    )
