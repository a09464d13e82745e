"""`homeport rebalance`: a few replicas move, so that more find a place."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.connect import connect
from homeport.cli.node_verbs import seconds_of
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, SettleOption, given
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.sync_client import Client

_LOOK_SECONDS = 1.0


def rebalance(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move where.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Begin no more moves; those under way are ended.")] = False,
    max_moves: Annotated[
        str, typer.Option(metavar="PERCENT", help="Of the replicas that may move; one always may.")
    ] = "5%",
    cluster: Annotated[str, typer.Option(help="Only the nodes of this cluster.")] = "",
    nodepool: Annotated[str, typer.Option(help="Only the nodes of this nodepool: CLUSTER/NODEPOOL or its id.")] = "",
    at_once: Annotated[int, typer.Option(min=1, help="Moves that are under way at the same time.")] = 2,
    move_time: Annotated[
        str, typer.Option(metavar="TIME", help="A move that is not done by then is taken back: 90s, 10m.")
    ] = "10m",
    deadline: Annotated[str, typer.Option(metavar="TIME", help="After this no more moves are begun: 90s, 1h.")] = "1h",
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Move a few replicas, so that more find a place.

    What waits gets room, and whole GPUs and nodes are free again. Each replica is ready where it goes before it ends
    where it was, and stays in its nodepool. Without --dry-run, --apply or --stop it shows how far the last one is.

    \b
    Examples:
      homeport rebalance --dry-run
      homeport rebalance --apply --max-moves 5% --cluster office --watch
      homeport rebalance
      homeport rebalance --stop
    """
    if dry_run + apply + stop > 1:
        raise typer.BadParameter("--dry-run, --apply and --stop exclude each other")
    with connect(context) as client:
        if stop:
            found = client.stop_rebalance()
        elif dry_run or apply:
            key = nodepool if "/" in nodepool or not nodepool else client.find_nodepool(nodepool)
            of_pool, _, pool = key.rpartition("/")
            found = client.rebalance(
                dry_run=dry_run,
                max_moves_percent=_percent(max_moves),
                at_once=at_once,
                move_seconds=seconds_of(move_time, "--move-time"),
                deadline_seconds=seconds_of(deadline),
                **given(cluster=of_pool or cluster, nodepool=pool),
            )
        else:
            found = _last(client)
        if watch and not dry_run:
            _watch(client, found)
        elif output is OutputFormat.TABLE:
            print("\n".join(rebalance_lines(found)))
        else:
            from homeport.cli.output import print_plain

            print_plain(found, output)


def rebalance_lines(found: dict[str, Any]) -> list[str]:
    """What moves where and what for, and what that comes to."""
    moving = sum(move["replicas"] for clearing in found["clearings"] for move in clearing["moves"])
    hidden = sum(clearing["hidden"] for clearing in found["clearings"])
    of = f"{moving} of {found['replicas']} replicas, at most {found['may_move']}"
    if not found["clearings"]:
        return ["nothing is to be gained by moving " + ("a replica" if found["replicas"] else "anything")]
    lines = [f"would move {of}" if found["state"] == "proposed" else f"{found['state']}: moves {of}"]
    for clearing in found["clearings"]:
        lines.append(f"{_aim(clearing)}:")
        lines += [f"  {_move(move, found['state'] != 'proposed')}" for move in clearing["moves"]]
    if hidden:
        lines.append(f"moves of deployments that you may not see: {hidden}")
    return [*lines, _gain(found["before"], found["after"])]


def _aim(clearing: dict[str, Any]) -> str:
    name = clearing["node_name"]
    if clearing["aim"] == "room":
        return f"room for {clearing['deployment_id'] or 'a deployment'} on {name}"
    return f"a whole GPU on {name}" if clearing["aim"] == "gpu" else f"all of {name}"


def _move(move: dict[str, Any], with_state: bool) -> str:
    count = f" ({move['replicas']} replicas)" if move["replicas"] > 1 else ""
    text = f"{move['deployment_id']}{count}: {move['from_node_name']} to {move['to_node_name']}"
    why = f": {move['reason']}" if move["reason"] else ""
    return f"{text}, {move['state']}{why}" if with_state else text


def _gain(before: dict[str, Any], after: dict[str, Any]) -> str:
    nodes = f"free nodes {before['free_nodes']} to {after['free_nodes']} of {after['nodes']}"
    if not after["gpus"]:
        return nodes
    parts = [
        f"wholly free GPUs {before['free_gpus']} to {after['free_gpus']} of {after['gpus']}",
        nodes,
        f"unallocated {before['unallocated_percent']:g} % to {after['unallocated_percent']:g} %",
        f"fragmentation {before['fragmentation_percent']:g} % to {after['fragmentation_percent']:g} %",
    ]
    return ", ".join(parts)


def _percent(text: str) -> float:
    """Of `5%` or `5`. A usage error for anything else."""
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no percentage: write 5%", param_hint="--max-moves") from None


def _last(client: "Client") -> dict[str, Any]:
    found = client.last_rebalance()
    if found is None:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            "nothing was rebalanced yet",
            hint="`homeport rebalance --dry-run` says what one would do",
        )
    return found


def _watch(client: "Client", found: dict[str, Any]) -> None:
    """One line per change, until it is over."""
    said: set[str] = set()
    while True:
        lines = rebalance_lines(found)
        for line in lines:
            if line not in said:
                print(line, flush=True)
        said |= set(lines)
        if found["state"] != "running":
            return
        time.sleep(_LOOK_SECONDS)
        found = _last(client)
