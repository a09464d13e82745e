"""`homeport explain`: why a deployment is where it is, and why not elsewhere."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from homeport.cli.bound import bound_lines
from homeport.cli.completing import ids_of
from homeport.cli.connect import connect
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import ContextOption, OutputFormat, OutputOption


def explain(
    deployment: Annotated[
        str, typer.Argument(metavar="DEPLOYMENT", help="The deployment's id.", autocompletion=ids_of(DEPLOYMENT))
    ],
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Tell why a deployment is where it is, and why not elsewhere.

    And what would give it more room. For every node of its nodepools: what it needs there against what the node has. Of
    several revisions side by side each is told of.

    \b
    Examples:
      homeport explain smollm2-chat
      homeport explain smollm2-chat -o json
    """
    with connect(context) as client:
        found = client.deployments.explain(deployment)
    if output is OutputFormat.TABLE:
        print("\n".join(_divided_lines(found["revisions"]) if found.get("revisions") else explanation_lines(found)))
    else:
        from homeport.cli.output import print_plain

        print_plain(found, output)


def forecast_lines(forecast: Mapping[str, Any]) -> list[str]:
    """What a dry run foresees, in short."""
    return [forecast["summary"], *_price_lines(forecast), *_fix_lines(forecast)]


def _divided_lines(revisions: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for each in revisions:
        title = f"revision {each['revision']}, {each['percent']} % of the requests"
        lines += ["", title, "-" * len(title), *explanation_lines(each)]
    return lines[1:]


def explanation_lines(found: dict[str, Any]) -> list[str]:
    tiers = ", then ".join(" or ".join(tier) for tier in found["tiers"])
    lines = [found["summary"], *bound_lines(found.get("bound", {})), f"{found['scheduling_choice']}: {tiers}"]
    lines += [*_price_lines(found), *(["", *_fix_lines(found)] if found["fixes"] else [])]
    lines += ["", *(_node_line(node) for node in found["nodes"])]
    if found["omitted"]:
        lines.append(f"and {found['omitted']} more nodes")
    if events := found.get("events"):
        lines += ["", *(f"{_moment(each['at'])}  {each['verdict']}: {each['text']}" for each in events)]
    return lines


def _price_lines(found: Mapping[str, Any]) -> list[str]:
    price = found.get("price_per_hour")
    if not price:
        return []
    beside = f", and {', '.join(price['unpriced'])} of unknown price" if price["unpriced"] else ""
    return [f"${price['low']:.2f} to ${price['high']:.2f} an hour{beside}"]


def _fix_lines(found: Mapping[str, Any]) -> list[str]:
    return ["it fits with", *(f"  {fix}" for fix in found["fixes"])] if found["fixes"] else []


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _node_line(node: dict[str, Any]) -> str:
    where = f"{node['node_name']} ({node['nodepool']})"
    cost = "" if node["cost"] is None else f", cost {node['cost']:g}"
    reasons = "; ".join(f"{why['filter']}: needs {why['need']}, has {why['have']}" for why in node["reasons"])
    if node["verdict"] == "placed":
        full = f"; no more: {reasons}" if reasons else ""
        shared = f", claimed {node['claimed']:.3g} times over" if node.get("claimed", 0) > 1 else ""
        lacks = f", lacks room for {node['pressure']:g} now" if node.get("pressure") else ""
        return f"* {where}: rank {node['rank']}, {node['min']} to {node['max']} replicas{cost}{shared}{lacks}{full}"
    favours = "".join(f", {each}" for each in node.get("favours", ()))
    return f"  {where}: would do{cost}{favours}" if node["verdict"] == "fits" else f"- {where}: {reasons}"
