"""`homeport logs`: what a deployment's replicas print."""

from typing import Annotated

import typer

from homeport.cli.completing import ids_of
from homeport.cli.connect import connect
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import ContextOption


def logs(
    deployment: Annotated[
        str, typer.Argument(metavar="DEPLOYMENT", help="Whose replicas.", autocompletion=ids_of(DEPLOYMENT))
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int, typer.Option(metavar="N", min=0, max=100_000, help="Begin with the last N lines.")] = 100,
    replica: Annotated[str, typer.Option(metavar="ID", help="Only this replica.")] = "",
    previous: Annotated[
        int, typer.Option("--previous", "-p", count=True, help="What the last failure left; -pp: the one before.")
    ] = 0,
    context: ContextOption = "",
) -> None:
    """Print what a deployment's replicas wrote.

    With several replicas each line begins with its replica's id. --previous prints the end of what a replica wrote
    before it failed: of the first failure and the last three, also when the replica is gone by now.

    \b
    Examples:
      homeport logs smollm2-chat
      homeport logs smollm2-chat -f --tail 10
      homeport logs smollm2-chat --previous
    """
    with connect(context) as client:
        for line in client.logs(deployment, tail=tail, follow=follow, replica=replica, previous=previous):
            print(line, flush=follow)
