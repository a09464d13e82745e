"""`homeport deployment cold-starts|scaling|faults|traffic`: what became of a deployment."""

import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from homeport.cli.connect import connect
from homeport.cli.deployment_verbs import DeploymentId
from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain, print_table
from homeport.cli.traffic_table import traffic_lines

LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Show that many at most.")]
HoursOption = Annotated[float | None, typer.Option("--hours", metavar="N", min=0, help="Only the last N hours.")]

_PARTS = ("queue", "place", "image", "create", "load", "warm_up")


class TrafficFormat(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def cold_starts(
    deployment_id: DeploymentId,
    hours: HoursOption = None,
    limit: LimitOption = 50,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List a deployment's starts, and where their time went.

    The newest first. The parts follow one another, from the request to ready: queue, place, image, create, load,
    warm-up. OURS is Homeport's own share of the total; the rest is the image's, the engine's and the model's.

    \b
    Examples:
      homeport deployment cold-starts smollm2-chat
      homeport deployment cold-starts smollm2-chat --hours 24 -o json
    """
    with connect(context) as client:
        starts = list(client.deployments.cold_starts(deployment_id, limit=limit, **_since(hours)))
    if output is not OutputFormat.TABLE:
        print_plain(starts, output)
        return
    headers = ["TIME", "NODE", "REV", *(part.upper().replace("_", "-") for part in _PARTS), "TOTAL", "OURS", "OUTCOME"]
    print_table(headers, [_start_row(start) for start in starts], empty="no start has been told of yet")


def scaling(
    deployment_id: DeploymentId,
    hours: HoursOption = None,
    limit: LimitOption = 50,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Tell why a deployment has so many replicas.

    Each change of the count on each node, the newest first. Changes that a delay or a bound held back are listed, too.
    -o json has the figures that went into each.

    \b
    Examples:
      homeport deployment scaling smollm2-chat
      homeport deployment scaling smollm2-chat --hours 1 -o json
    """
    with connect(context) as client:
        changes = list(client.deployments.scaling_history(deployment_id, limit=limit, **_since(hours)))
    if output is not OutputFormat.TABLE:
        print_plain(changes, output)
        return
    headers = ["TIME", "NODE", "REPLICAS", "WANTED", "DRIVER", "WHY", "WITH"]
    print_table(headers, [_change_row(change) for change in changes], empty="no change has been told of yet")


def faults(
    deployment_id: DeploymentId,
    hours: HoursOption = None,
    limit: LimitOption = 50,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List replicas that were not well.

    The newest first: replicas that were given no requests for a while, by what requests or health checks had shown, and
    health checks that failed. What belongs together within a minute is one line.

    \b
    Examples:
      homeport deployment faults smollm2-chat
      homeport deployment faults smollm2-chat --hours 24 -o json
    """
    with connect(context) as client:
        found = list(client.deployments.replica_faults(deployment_id, limit=limit, **_since(hours)))
    if output is not OutputFormat.TABLE:
        print_plain(found, output)
        return
    headers = ["TIME", "NODE", "REPLICA", "REV", "CAUSE", "OUT", "FAILED CHECKS", "PROBLEM"]
    print_table(headers, [_fault_row(fault) for fault in found], empty="no fault has been told of")


def traffic(
    deployment_id: DeploymentId,
    hours: HoursOption = 24.0,
    output: Annotated[
        TrafficFormat, typer.Option("--output", "-o", help="table, json, or csv as `homeport plan --replay` reads it.")
    ] = TrafficFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List a deployment's traffic by the minute.

    The oldest first. Eight days are kept; minutes without traffic are left out.

    \b
    Examples:
      homeport deployment traffic smollm2-chat --hours 1
      homeport deployment traffic smollm2-chat --hours 24 -o csv > yesterday.csv
    """
    with connect(context) as client:
        minutes = list(client.deployments.traffic(deployment_id, limit=None, **_since(hours)))
    match output:
        case TrafficFormat.JSON:
            print_plain(minutes, OutputFormat.JSON)
        case TrafficFormat.CSV:
            print("".join(traffic_lines(minutes)), end="")
        case TrafficFormat.TABLE:
            headers = ["MINUTE", "REQUESTS", "SERVICE", "MOST AT ONCE", "MOST IN A SECOND", "TOKENS"]
            print_table(headers, [_minute_row(each) for each in minutes], empty="no traffic")


def _since(hours: float | None) -> dict[str, str]:
    return {} if hours is None else {"since": str(time.time() - hours * 3600)}


def _start_row(start: dict[str, Any]) -> list[str]:
    parts = [_seconds(start[f"{part}_seconds"]) for part in _PARTS]
    total, ours = _seconds(start["total_seconds"]), _seconds(start["platform_seconds"])
    outcome = f"failed ({start['problem']})" if start["problem"] else "ready"
    return [_moment(start["at"]), start["node_name"], f"r{start['revision']}", *parts, total, ours, outcome]


def _change_row(change: dict[str, Any]) -> list[str]:
    count = f"{change['before']} -> {change['replicas']}"
    if change["held_until"]:
        count = f"{change['replicas']}, held {change['held_until'] - change['at']:.0f} s"
    inputs = ", ".join(f"{name} {value:g}" for name, value in change["inputs"].items() if value)
    where = [_moment(change["at"]), change["node_name"], count, str(change["wanted"])]
    return [*where, change["driver"], change["reason"], inputs]


def _fault_row(fault: dict[str, Any]) -> list[str]:
    where = [_moment(fault["at"]), fault["node_name"], fault["replica_id"][:8], f"r{fault['revision']}"]
    return [*where, fault["cause"], str(fault["ejections"]), str(fault["failed_checks"]), fault["problem"]]


def _minute_row(minute: dict[str, Any]) -> list[str]:
    service = _seconds(minute["mean_service_seconds"])
    figures = [str(minute[name]) for name in ("peak_requests", "peak_arrivals", "tokens")]
    return [_moment(minute["minute"])[:-3], str(minute["arrivals"]), service, *figures]


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _seconds(seconds: float) -> str:
    """4 ms, 1.25 s, 95 s."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds else "0"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
