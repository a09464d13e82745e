"""How many replicas may run beyond what was asked for, in words."""

from typing import Any


def bound_lines(bound: dict[str, Any]) -> list[str]:
    """None in the ordinary case: nobody is away, nothing waits."""
    lines = []
    if bound.get("away"):
        shares = " and ".join(f"{each['node_name']} may run {each['replicas']}" for each in bound["away"])
        lines.append(f"up to {bound['replicas']} replicas may run in all: {shares} while it is away")
    if bound.get("withheld"):
        names = ", ".join(each["node_name"] for each in bound["unacked"])
        lines.append(f"{bound['withheld']} more once acknowledged by {names}, which may run fewer now")
    return lines
