"""`homeport node cordon|uncordon|drain|undrain|clear-gpu|release-brake`."""

import time
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.connect import connect
from homeport.cli.id_argument import id_argument
from homeport.cli.nouns import NODE
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, SettleOption
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.sync_client import Client

NodeId = Annotated[str, id_argument(NODE)]
ReasonOption = Annotated[str, typer.Option(help="Why; shown to whoever looks at the node.")]

_LOOK_SECONDS = 1.0
# The plan costs the server a look at the whole fleet.
_PLAN_EVERY = 5
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def cordon(node: NodeId, reason: ReasonOption = "", context: ContextOption = "") -> None:
    """Give a node no new replicas. What runs there runs on.

    \b
    Example:
      homeport node cordon rack7 --reason "new disk on Monday"
    """
    with connect(context) as client:
        found = client.nodes.cordon(node, reason)
    print(f"node {found.spec['name']} is cordoned")


def uncordon(node: NodeId, context: ContextOption = "") -> None:
    """Let a cordoned node take replicas again.

    \b
    Example:
      homeport node uncordon rack7
    """
    with connect(context) as client:
        found = client.nodes.uncordon(node)
    more = ", but is still being drained: homeport node undrain ends that" if found.spec["drain"] else ""
    print(f"node {found.spec['name']} is not cordoned any more{more}")


def drain(
    node: NodeId,
    reason: ReasonOption = "",
    deadline: Annotated[
        str, typer.Option(metavar="TIME", help="When an alarm says what is left: 90s, 10m, 2h.")
    ] = "10m",
    force: Annotated[bool, typer.Option("--force", help="At the deadline let go what nobody has taken over.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move where.")] = False,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Move what a node runs to other nodes, and give it nothing new.

    Each replica is ready elsewhere before it is let go here, and finishes the requests that it has. What fits nowhere
    stays, down to the minimum of its deployment. The node stays drained until `homeport node undrain`.

    \b
    Examples:
      homeport node drain rack7 --dry-run
      homeport node drain rack7 --deadline 30m --watch
      homeport node drain rack7 --deadline 0s --force
    """
    seconds = seconds_of(deadline)
    with connect(context) as client:
        if dry_run:
            _print_plan(client.nodes.drain_plan(node), output)
            return
        plan = client.nodes.drain_plan(node)
        found = client.nodes.drain(node, reason, deadline_seconds=seconds, force=force)
        if output is not OutputFormat.TABLE and not watch:
            _print_plan(plan, output)
            return
        print(f"node {found.spec['name']} is being drained")
        if watch:
            _watch(client, found.id)
        else:
            _print_plan(plan, output)


def undrain(node: NodeId, context: ContextOption = "") -> None:
    """Let a drained node take replicas again, also half way.

    \b
    Example:
      homeport node undrain rack7
    """
    with connect(context) as client:
        found = client.nodes.undrain(node)
    more = ", but is cordoned: homeport node uncordon ends that" if found.spec["cordon"] else ""
    print(f"node {found.spec['name']} is not drained any more{more}")


def clear_gpu(
    node: NodeId, gpu: Annotated[str, typer.Argument(metavar="GPU", help="Its UUID.")], context: ContextOption = ""
) -> None:
    """Let a GPU that failed take replicas again.

    \b
    Example:
      homeport node clear-gpu rack7 GPU-5c1a0d2e
    """
    with connect(context) as client:
        client.nodes.clear_gpu(node, gpu)
    print(f"GPU {gpu} is cleared; it goes back into quarantine if it fails again")


def release_brake(context: ContextOption = "") -> None:
    """Let nodes be given up although many vanished at once.

    Then the control plane suspects its own network, and moves nothing until a person or time says otherwise.

    \b
    Example:
      homeport node release-brake
    """
    with connect(context) as client:
        client.nodes.release_brake()
    print("nodes that are missing are given up as usual")


def seconds_of(text: str, option: str = "--deadline") -> float:
    """Of 90s, 10m, 2h, 1d. A usage error for anything else."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdigit():
        raise typer.BadParameter(f"{text!r} is not a time: write 90s, 10m, 2h or 1d", param_hint=option)
    return int(number) * _UNITS[unit]


def plan_lines(plan: dict[str, Any]) -> list[str]:
    """What moves where, what stays and why."""
    lines = []
    for move in plan["moves"]:
        targets = ", ".join(f"{to['replicas']} to {to['node_name']}" for to in move["to"])
        if move["stays"]:
            going = f"{targets}; {move['stays']} cannot move" if targets else f"{move['stays']} cannot move"
            lines.append(f"{move['deployment_id']}: {going}, fewer would be too few")
            lines += [
                f"  {why['node_name']}: {why['filter']}: needs {why['need']}, has {why['have']}" for why in move["why"]
            ]
        elif targets:
            lines.append(f"{move['deployment_id']}: {targets}")
        else:
            lines.append(f"{move['deployment_id']}: {move['replicas'] or 'no'} running, others serve already")
    if plan["hidden"]:
        lines.append(f"deployments that you may not see: {plan['hidden']}")
    return lines or ["nothing has to move"]


def _print_plan(plan: dict[str, Any], output: OutputFormat) -> None:
    if output is OutputFormat.TABLE:
        print("\n".join(plan_lines(plan)))
    else:
        from homeport.cli.output import print_plain

        print_plain(plan, output)


def _watch(client: "Client", node_id: str) -> None:
    """One line per change, until nothing is left. Raises CONFLICT when it is undrained meanwhile, UNAVAILABLE when its
    deadline passes and it is not forced."""
    said: list[str] = []
    # Asked again and again, since a deadline passes without anything else happening.
    for round in count():
        node = client.nodes.get(node_id)
        name, drain = node.spec["name"], node.spec["drain"]
        if drain is None:
            raise HomeportError(ErrorCode.CONFLICT, f"node {name} is not being drained any more")
        if node.status["drained"]:
            print(f"node {name} is drained")
            return
        left = f"{node.status['replicas']} replicas left"
        if round % _PLAN_EVERY == 0 or left not in said:
            lines = [left, *plan_lines(client.nodes.drain_plan(node_id))]
            for line in (line for line in lines if line not in said):
                print(line, flush=True)
            said = lines
        if time.time() > drain["deadline_at"] and not drain["force"]:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"node {name} was not drained by its deadline",
                hint="it goes on; --force lets go what is left, `homeport node undrain` gives it up",
            )
        time.sleep(_LOOK_SECONDS)
