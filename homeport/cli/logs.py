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
    context: ContextOption = "",
) -> None:
    """Print what a deployment's replicas wrote.

    With several replicas each line begins with its replica's id.

    \b
    Examples:
      homeport logs smollm2-chat
      homeport logs smollm2-chat -f --tail 10
    """
    with connect(context) as client:
        for line in client.logs(deployment, tail=tail, follow=follow, replica=replica):
            print(line, flush=follow)
