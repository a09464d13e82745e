"""Limits of access tokens, on the command line."""

import re
import time
from typing import Annotated, Any

import typer

from homeport.cli.output import print_table
from homeport.cli.text import duration

RequestsPerMinute = Annotated[str, typer.Option("--requests-per-minute", metavar="N", help="At most; or none.")]
TokensPerMinute = Annotated[
    str, typer.Option("--tokens-per-minute", metavar="N", help="Prompts and answers together, at most; or none.")
]
ConcurrentRequests = Annotated[str, typer.Option("--concurrent-requests", metavar="N", help="At most; or none.")]
Budgets = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="KIND/PERIOD=N",
        help="requests or tokens / day, month or total = amount; or none. May be repeated: all are named.",
    ),
]
_BUDGET = re.compile(r"(requests|tokens)/(day|month|total)=([0-9_]+)")


def limits_of(requests: str, tokens: str, concurrent: str, budgets: list[str] | None) -> dict[str, Any]:
    """Those that were named, as the API takes them: null for `none`."""
    named = {
        "requests_per_minute": _number(requests, "--requests-per-minute"),
        "tokens_per_minute": _number(tokens, "--tokens-per-minute"),
        "concurrent_requests": _number(concurrent, "--concurrent-requests"),
    }
    given: dict[str, Any] = {name: number or None for name, number in named.items() if number is not None}
    if budgets:
        given["budgets"] = None if budgets == ["none"] else [_budget(each) for each in budgets]
    return given


def print_usage(usage: list[dict[str, Any]]) -> None:
    if not usage:
        print("no limits")
        return
    rows = [
        [each["name"], f"{each['limit']:,}", f"{each['used']:,}", f"{each['left']:,}", _resets(each["resets_at"])]
        for each in usage
    ]
    print_table(["LIMIT", "OF", "USED", "LEFT", "RESETS IN"], rows, indent=2)


def _resets(at: float | None) -> str:
    return "-" if at is None else duration(max(0.0, at - time.time()))


def _number(text: str, option: str) -> int | None:
    """None for nothing, 0 for `none`."""
    if not text:
        return None
    if text == "none":
        return 0
    digits = text.replace("_", "")
    if not digits.isdecimal() or int(digits) == 0:
        raise typer.BadParameter(f"{text!r} is no limit: write a number from 1, or none", param_hint=option)
    return int(digits)


def _budget(text: str) -> dict[str, Any]:
    match = _BUDGET.fullmatch(text)
    if match is None or int(match[3]) == 0:
        raise typer.BadParameter(
            f"{text!r} is no budget: write tokens/month=5000000, requests/day=1000, tokens/total=2000 or none",
            param_hint="--budget",
        )
    return {"counts": match[1], "per": match[2], "amount": int(match[3])}
