"""`homeport gateway`: the processes that relay requests, here and on hosts of their own."""

import time
from typing import Annotated, Any

import typer

from homeport.cli.confirm import confirm
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, YesOption
from homeport.cli.output import print_plain, print_table
from homeport.cli.text import duration

app = noun("Gateways and their workers: processes that relay requests.")

_COLUMNS = ["GATEWAY", "HOST", "LINK", "HEARD", "TUNNELS", "WORKER", "STATE", "NODES", "VERSION", "PID"]


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """List gateways and their workers, and how many nodes each has.

    \b
    Example:
      homeport gateway list
    """
    with connect(context) as client:
        found = client.gateways()
    if output is not OutputFormat.TABLE:
        print_plain(found, output)
        return
    rows = [row for gateway in found for row in _rows(gateway, time.time())]
    print_table(_COLUMNS, rows, empty="there is no gateway")
    for gateway in found:
        if gateway.get("problem"):
            print(f"\n{gateway['id']}: {gateway['problem']}")


def _rows(gateway: dict[str, Any], now: float) -> list[list[str]]:
    """One for each worker; one where there is none to see."""
    host, heard = gateway.get("host"), gateway.get("last_heard")
    place = [
        gateway["id"],
        host or "-",
        gateway.get("state", "-"),
        duration(now - heard) if heard is not None else "-",
        ",".join(gateway.get("tunnels", ())) or "-",
    ]
    workers = [
        [worker["id"], worker["state"], str(worker["nodes"]), worker["version"], str(worker["pid"])]
        for worker in gateway["workers"]
    ]
    nobody = "-" if gateway["wanted_workers"] else "inside the control plane"
    return [place + worker for worker in workers or [[nobody, "-", "-", "-", "-"]]]


@app.command("scale")
def scale(
    workers: Annotated[int, typer.Argument(min=1, help="How many it shall have: about one for each core.")],
    gateway: Annotated[str, typer.Option(metavar="NAME", help="Of a gateway on a host of its own.")] = "central",
    context: ContextOption = "",
) -> None:
    """Set how many workers a gateway has. Requests go on meanwhile.

    \b
    Example:
      homeport gateway scale 4
    """
    with connect(context) as client:
        scaled = client.scale_gateway(workers, gateway)
    print(f"the gateway at {scaled['url']} goes to {scaled['wanted_workers']} workers")


@app.command("join-token")
def join_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the gateway shall be called.")],
    ttl: Annotated[int, typer.Option(metavar="SECONDS", help="How long it can be used, 10 to 1800.")] = 300,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a token for one host to become this gateway.

    Prints the command to run there; the token is shown only now.

    \b
    Example:
      homeport gateway join-token edge
    """
    with connect(context) as client:
        made = client.create_gateway_token(name, ttl)
    if output is OutputFormat.TABLE:
        print(
            f"Run this on the host within {ttl} s, with its own address in place of HOST; it works once:\n\n"
            f"  {made['command']}\n"
        )
    else:
        print_plain(made, output)


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A gateway on a host of its own, as listed.")],
    yes: YesOption = False,
    context: ContextOption = "",
) -> None:
    """Remove a gateway on a host of its own.

    It is told nothing more, serves nobody any more, and may not come back.

    \b
    Example:
      homeport gateway remove edge
    """
    with connect(context) as client:
        if not yes:
            confirm(f"remove gateway {name}", lambda: ["its clients are cut off; nodes end their tunnels to it"], name)
        client.remove_gateway(name)
    print(f"gateway {name} removed")
