"""`homeport gateway`: the processes that relay requests."""

from typing import Annotated

import typer

from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain, print_table

app = noun("The gateway's workers: processes that relay requests.")


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """List the gateway's workers, and how many nodes each has.

    \b
    Example:
      homeport gateway list
    """
    with connect(context) as client:
        found = client.gateways()
    if output is not OutputFormat.TABLE:
        print_plain(found, output)
        return
    rows = [
        [worker["id"], worker["state"], str(worker["nodes"]), worker["version"], str(worker["pid"])]
        for gateway in found
        for worker in gateway["workers"]
    ]
    print_table(["WORKER", "STATE", "NODES", "VERSION", "PID"], rows, empty="it runs inside the control plane")


@app.command("scale")
def scale(
    workers: Annotated[int, typer.Argument(min=1, help="How many it shall have: about one for each core.")],
    context: ContextOption = "",
) -> None:
    """Set how many workers the gateway has. Requests go on meanwhile.

    \b
    Example:
      homeport gateway scale 4
    """
    with connect(context) as client:
        scaled = client.scale_gateway(workers)
    print(f"the gateway at {scaled['url']} goes to {scaled['wanted_workers']} workers")
