"""`homeport deployment stop|start|restart|scale|pause-autoscaling|resume-autoscaling`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from homeport.cli.connect import connect
from homeport.cli.id_argument import id_argument
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, SettleOption

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client

DeploymentId = Annotated[str, id_argument(DEPLOYMENT)]


def stop(
    deployment_id: DeploymentId,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Stop a deployment: all its replicas end.

    It keeps its configuration. Requests are answered with an error until it is started again.

    \b
    Example:
      homeport deployment stop smollm2-chat --watch
    """
    _do(deployment_id, lambda client: client.deployments.stop(deployment_id), "stopped", watch, output, context)


def start(
    deployment_id: DeploymentId,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Start a stopped deployment again, as it was.

    \b
    Example:
      homeport deployment start smollm2-chat --watch
    """
    _do(deployment_id, lambda client: client.deployments.start(deployment_id), "started", watch, output, context)


def restart(
    deployment_id: DeploymentId,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Replace every replica by a new one.

    It is a rollout of the same workload: new replicas are ready before old ones end, where there is room.

    \b
    Example:
      homeport deployment restart smollm2-chat
    """
    _do(deployment_id, lambda client: client.deployments.restart(deployment_id), "restarting", watch, output, context)


def scale(
    deployment_id: DeploymentId,
    replicas: Annotated[int | None, typer.Argument(metavar="REPLICAS", min=0, help="Exactly so many.")] = None,
    min_replicas: Annotated[int | None, typer.Option("--min", min=0, help="Fewest replicas.")] = None,
    max_replicas: Annotated[int | None, typer.Option("--max", min=0, help="Most replicas.")] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Let the autoscaler decide again, in its bounds.")] = False,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Fix how many replicas there are, or let traffic decide.

    A fixed count keeps the autoscaler's bounds: --auto goes back to them. `homeport scale` and `homeport deployment
    scale` are the same.

    \b
    Examples:
      homeport scale smollm2-chat 3
      homeport scale smollm2-chat --auto
      homeport deployment scale smollm2-chat --min 0 --max 8
    """
    bounds = min_replicas is not None or max_replicas is not None
    if (replicas is not None) + bounds + auto != 1:
        raise typer.BadParameter("give REPLICAS, or --min and --max, or --auto")

    def ask(client: "Client") -> "Resource":
        return client.deployments.scale(
            deployment_id, replicas, min_replicas=min_replicas, max_replicas=max_replicas, auto=auto
        )

    done = (
        f"scaled to {replicas}" if replicas is not None else "has new bounds" if bounds else "is scaled by its traffic"
    )
    _do(deployment_id, ask, done, watch, output, context)


def pause_autoscaling(
    deployment_id: DeploymentId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = ""
) -> None:
    """Keep as many replicas as there are now.

    The same as `homeport scale` with that number. The bounds are kept for later.

    \b
    Example:
      homeport deployment pause-autoscaling smollm2-chat
    """
    with connect(context) as client:
        paused = client.deployments.pause_autoscaling(deployment_id)
        count = paused.spec["autoscale_config"]["replicas"]
        if output is not OutputFormat.TABLE:
            from homeport.cli.show import print_one

            print_one(DEPLOYMENT, paused, output)
        else:
            print(
                f"deployment {deployment_id} stays at {count} replicas"
                if count != 1
                else f"deployment {deployment_id} stays at 1 replica"
            )


def resume_autoscaling(
    deployment_id: DeploymentId,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Let the autoscaler decide again, in the bounds that it had. The same as `homeport scale --auto`.

    \b
    Example:
      homeport deployment resume-autoscaling smollm2-chat
    """
    scale(deployment_id, auto=True, watch=watch, output=output, context=context)


def _do(
    deployment_id: str,
    ask: "Callable[[Client], Resource]",
    done: str,
    watch: bool,
    output: OutputFormat,
    context: str,
) -> None:
    with connect(context) as client:
        resource = ask(client)
        if output is OutputFormat.TABLE:
            print(f"deployment {deployment_id} {done}")
        else:
            from homeport.cli.show import print_one

            print_one(DEPLOYMENT, resource, output)
        if watch:
            from homeport.cli.settling import watch_until_settled

            watch_until_settled(client, [deployment_id], output)
