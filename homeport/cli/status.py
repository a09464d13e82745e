"""`homeport status`: what runs where, on one screen."""

import time
from typing import TYPE_CHECKING, Any

from homeport.cli.connect import connect
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, WatchOption
from homeport.cli.output import print_plain, print_table

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client


def status(watch: WatchOption = False, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show what runs where.

    \b
    Examples:
      homeport status
      homeport status --watch
    """
    with connect(context) as client:
        if watch:
            from homeport.cli.follow import redraw

            redraw(client, ["nodes", "deployments"], lambda: _print(client, output))
        else:
            _print(client, output)


def _print(client: "Client", output: OutputFormat) -> None:
    summary = client.status()
    nodes = client.nodes.list()
    deployments = client.deployments.list()
    if output is not OutputFormat.TABLE:
        plain = {
            **summary,
            "node_list": [node.to_plain() for node in nodes],
            "deployment_list": [deployment.to_plain() for deployment in deployments],
        }
        print_plain(plain, output)
    else:
        _print_screen(client.context.name, summary, nodes, deployments)


def _print_screen(
    context: str, summary: dict[str, Any], nodes: "list[Resource]", deployments: "list[Resource]"
) -> None:
    from homeport.cli.columns import COLUMNS
    from homeport.cli.text import duration, ready_of

    print(f"Homeport {summary['version']} ({context}), up {duration(summary['uptime_seconds'])}")
    print(f"  API      {summary['api_url']}")
    print(f"  gateway  {summary['gateway_url']}")
    print(
        f"  ready    {ready_of(summary['nodes'])} nodes, {ready_of(summary['deployments'])} deployments, "
        f"{ready_of(summary['replicas'])} replicas\n"
    )
    for alarm in summary.get("alarms", []):
        print(f"ALARM since {duration(time.time() - alarm['since'])}: {alarm['message']}\n  {alarm['hint']}\n")
    node_columns = [column for column in COLUMNS["node"] if column[0] != "ID"]
    print_table(
        [header for header, _ in node_columns],
        [[value(node) for _, value in node_columns] for node in nodes],
        empty="No nodes yet. `homeport node add` prints the command that makes a host one.",
    )
    print()
    print_table(
        [header for header, _ in COLUMNS["deployment"]],
        [[value(deployment) for _, value in COLUMNS["deployment"]] for deployment in deployments],
        empty="No deployments yet. `homeport apply -f FILE` or `homeport deploy MODEL` makes one.",
    )
