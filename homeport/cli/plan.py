"""`homeport plan --replay`: what a deployment's scaling would have made of traffic that was, before it is applied."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.options import ContextOption, OutputFormat, OutputOption

if TYPE_CHECKING:
    from homeport.cli.plan_facts import Facts
    from homeport.core.replay.projection import Projection, Span
    from homeport.core.replay.trace import Trace

# Lines of the table at most: the shortest of these spans that is long enough.
_LINES = 24
_SPANS = (1, 10, 60, 300, 600, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400)
_BAR = 30


def plan(
    replay: Annotated[
        str,
        typer.Option("--replay", metavar="TRACE", help="A CSV table; - for standard input; `recorded` by its nodes."),
    ],
    where: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="YAML with the deployment.")],
    hours: Annotated[float, typer.Option("--hours", min=0.1, help="With `recorded`: the last so many hours.")] = 24.0,
    cold_start: Annotated[
        float | None,
        typer.Option("--cold-start", metavar="SECONDS", min=0.1, help="How long a start takes; else as its last ones."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", min=1, help="Requests of a replica at once; else as its version."),
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", metavar="DOLLARS", min=0, help="Of a replica for an hour; else as known.")
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Replay traffic against a deployment that is not applied yet.

    With the very policy that its nodes run: replicas over time, who would have waited, starts, and the cost.
    \b
    A table has the columns of `homeport deployment traffic -o csv`, those of Azure's traces
    (TIMESTAMP,ContextTokens,GeneratedTokens), or arrival_seconds,context_tokens,generated_tokens.
    \b
    Examples:
      homeport plan --replay recorded -f deployment.yaml
      homeport deployment traffic chat -o csv > yesterday.csv
      homeport plan --replay yesterday.csv -f deployment.yaml --cold-start 30 --price 1.2
    """
    from homeport.cli.plan_facts import gather
    from homeport.core.replay.projection import project, spans

    facts = gather(where, replay, hours, cold_start, concurrency, price, context)
    projection = project(facts.trace.arrivals, facts.scaling, facts.slots, facts.start_seconds)
    seconds = facts.trace.arrivals[-1].at
    each = next((span for span in _SPANS if seconds / span < _LINES), _SPANS[-1])
    parts = spans(projection, facts.trace.arrivals, each)
    if output is OutputFormat.TABLE:
        print("\n".join(_lines(facts, projection, parts)))
    else:
        from homeport.cli.output import print_plain

        print_plain(_plain(facts, projection, parts), output)


def _plain(facts: "Facts", projection: "Projection", parts: "list[Span]") -> dict[str, Any]:
    outcome = projection.outcome
    hours = outcome.replica_seconds / 3600
    return {
        "deployment": facts.deployment_id,
        "requests": outcome.requests,
        "seconds": round(facts.trace.arrivals[-1].at, 3),
        "began_at": facts.trace.began_at or None,
        "start_seconds": facts.start_seconds,
        "concurrency": facts.slots,
        "late": outcome.late,
        "violations_percent": round(outcome.violations_percent, 3),
        "wait_seconds": {f"p{percent}": round(projection.wait_seconds(percent), 3) for percent in (50, 90, 99, 100)},
        "replica_hours": round(hours, 3),
        "most_replicas": projection.most_replicas,
        "starts": outcome.starts,
        "starts_from_zero": projection.starts_from_zero,
        "price_per_replica_hour": facts.price,
        "cost": None if facts.price is None else round(hours * facts.price, 2),
        "assumed": list(facts.assumed),
        "steps": [
            {"at": round(step.at, 3), "replicas": step.replicas, "driver": step.driver} for step in projection.steps
        ],
        "spans": [
            {
                "begins": part.begins,
                "ends": part.ends,
                "requests": part.requests,
                "most_replicas": part.most_replicas,
                "mean_replicas": round(part.mean_replicas, 3),
            }
            for part in parts
        ],
    }


def _lines(facts: "Facts", projection: "Projection", parts: "list[Span]") -> list[str]:
    outcome = projection.outcome
    hours = outcome.replica_seconds / 3600
    waits = ", ".join(f"p{percent} {projection.wait_seconds(percent):.1f} s" for percent in (50, 90, 99))
    cost = "unknown; give --price" if facts.price is None else f"${hours * facts.price:.2f} at ${facts.price:g} an hour"
    late = f"{outcome.late} ({outcome.violations_percent:.2f} %) waited for more than 2 s; {waits}"
    return [
        f"{facts.deployment_id}: {outcome.requests} requests in {_length(facts.trace.arrivals[-1].at)}",
        f"  late      {late}",
        f"  replicas  {hours:.2f} replica-hours, {projection.most_replicas} at most",
        f"  starts    {outcome.starts}, {projection.starts_from_zero} of them from zero",
        f"  cost      {cost}",
        *(f"  assumed   {each}" for each in facts.assumed),
        "",
        *_chart(facts.trace, projection, parts),
    ]


def _chart(trace: "Trace", projection: "Projection", parts: "list[Span]") -> list[str]:
    rows = [
        [_moment(trace, part.begins), str(part.requests), f"{part.mean_replicas:.1f}", str(part.most_replicas)]
        for part in parts
    ]
    header = ["FROM", "REQUESTS", "MEAN", "MOST"]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    scale = min(1.0, _BAR / max(projection.most_replicas, 1))
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(header, widths, strict=True)) + "  REPLICAS"]
    for row, part in zip(rows, parts, strict=True):
        mean, most = round(part.mean_replicas * scale), round(part.most_replicas * scale)
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{cells}  {'#' * mean}{'-' * (most - mean)}".rstrip())
    return lines


def _moment(trace: "Trace", seconds: float) -> str:
    if trace.began_at:
        from datetime import datetime

        return datetime.fromtimestamp(trace.began_at + seconds).astimezone().strftime("%m-%d %H:%M:%S")
    return f"+{_length(seconds)}"


def _length(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
