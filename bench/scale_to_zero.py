"""Many models that are rarely asked: how many requests find theirs asleep, against what it costs to keep it awake.

python -m bench.scale_to_zero [--trace FILE] [--cold-start 22.7] [--at-most 150] [--json]

FILE has a row for each request: `model` (or checkpoint_model_version_id), `exec_time_seconds`, and when it came as
`arrival_seconds` or `gmt_create`. Each model takes one request at a time. A curve of fixed keep-alives is compared with
the agent's policy, deployment by deployment, at several prices of a late request: a point is under the curve when a
fixed keep-alive of the same cost leaves more requests cold. Cold is a request that came while its model was asleep.

GenTD26 as it is given has no times, so without --trace its models, its service times and how often each model is asked
are used, with times made up (seeded): sessions of requests that come a lognormal time apart, at the model's own pace.
"""

import argparse
import csv
import io
import json
import random
import tarfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.autoscale.traces import DATA
from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.replay import replay

Traces = Mapping[str, Sequence[Arrival]]
GENAI = DATA / "genai" / "data_trace_processed.tar.gz"
_MODEL = "checkpoint_model_version_id"
_KEEP_ALIVE_SECONDS = (0, 30, 60, 120, 300, 600, 1200, 3600, 7200)
_PRICES = (0.0, 20.0, 60.0, 600.0, 2000.0)
_DAYS = 23
_REQUESTS = 26_823
_SESSION_REQUESTS = 6.0


def read(path: Path) -> Traces:
    """By model, in the order of time."""
    traces: dict[str, list[Arrival]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            at = row.get("arrival_seconds")
            seconds = float(at) if at else datetime.fromisoformat(row["gmt_create"]).timestamp()
            arrival = Arrival(seconds, float(row["exec_time_seconds"]))
            traces.setdefault(row.get("model") or row[_MODEL], []).append(arrival)
    return {model: sorted(arrivals) for model, arrivals in traces.items()}


def made_up(path: Path, seed: int) -> Traces:
    """Models, shares and service times of the file; the times are drawn."""
    rng = random.Random(seed)
    with tarfile.open(path) as archive:
        member = next(m for m in archive if m.name.endswith(".csv") and not Path(m.name).name.startswith("."))
        file = archive.extractfile(member)
        assert file is not None
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))
    seconds: dict[str, list[float]] = {}
    for row in rows:
        if row["exec_time_seconds"]:
            seconds.setdefault(row[_MODEL], []).append(float(row["exec_time_seconds"]))
    total = sum(map(len, seconds.values()))
    wanted = {model: round(len(each) * _REQUESTS / total) for model, each in seconds.items()}
    return {
        model: [Arrival(at, rng.choice(seconds[model])) for at in _times(count, rng)]
        for model, count in wanted.items()
        if count
    }


def _times(count: int, rng: random.Random) -> list[float]:
    """Sessions begin at random; within one the next request comes some time later, about as usual for the model."""
    pace = rng.gauss(4.0, 1.0)
    times: list[float] = []
    while len(times) < count:
        at = rng.random() * _DAYS * 86_400
        for _ in range(min(count - len(times), 1 + int(rng.expovariate(1 / _SESSION_REQUESTS)))):
            times.append(at)
            at += rng.lognormvariate(pace, 0.8)
    return sorted(times)


def keep_alive(traces: Traces, start_seconds: float, seconds: float) -> tuple[float, float]:
    """(cold requests in percent, replica-seconds) when each model runs on for so long after its last request."""
    cold, busy = 0, 0.0
    for arrivals in traces.values():
        free_at: float | None = None
        for at, service in arrivals:
            if free_at is None or at > free_at + seconds:
                cold += 1
                busy += start_seconds + (seconds if free_at is not None else 0.0)
                begin = at + start_seconds
            else:
                busy += max(0.0, at - free_at)
                begin = max(at, free_at)
            busy += service
            free_at = begin + service
        busy += seconds
    return 100 * cold / sum(map(len, traces.values())), busy


def policy(traces: Traces, start_seconds: float, price: float | None) -> tuple[float, float]:
    """The same of the agent's policy; None = the price that is shipped. At most one replica a model, as above."""
    cold, busy = 0, 0.0
    for arrivals in traces.values():
        scaling = Scaling(0, 1) if price is None else Scaling(0, 1, late_price_seconds=price)
        scaler, terms = Scaler(), Terms(scaling, (0, 1), 1)
        found_asleep = [0, 0]

        def decide(
            demand: Demand,
            supply: Supply,
            now: float,
            scaler: Scaler = scaler,
            terms: Terms = terms,
            seen: list[int] = found_asleep,
        ) -> Decision:
            if not supply.replicas:
                seen[0] += demand.arrivals - seen[1]
            seen[1] = demand.arrivals
            return scaler.decide(demand, Supply(supply.ready, supply.starting, start_seconds), terms, now)

        outcome = replay(arrivals, [decide], start_seconds, 1, max_replicas=1)
        cold += found_asleep[0]
        busy += outcome.replica_seconds
    return 100 * cold / sum(map(len, traces.values())), busy


def curve_at(curve: Sequence[tuple[float, float]], cost: float) -> float | None:
    """Cold percent of a fixed keep-alive of that cost, between the two nearest; None beyond the curve."""
    ordered = sorted((seconds, cold) for cold, seconds in curve)
    index = bisect_left(ordered, (cost, 0.0))
    if not 0 < index < len(ordered):
        return None
    (left, high), (right, low) = ordered[index - 1], ordered[index]
    return high + (low - high) * (cost - left) / (right - left)


def report(traces: Traces, start_seconds: float) -> dict[str, Any]:
    busy_seconds = sum(service for arrivals in traces.values() for _, service in arrivals)
    curve = [keep_alive(traces, start_seconds, seconds) for seconds in _KEEP_ALIVE_SECONDS]
    points = []
    for price in (None, *_PRICES):
        cold, cost = policy(traces, start_seconds, price)
        fixed = curve_at(curve, cost)
        points.append(
            {
                "late_price_seconds": Scaling().late_price_seconds if price is None else price,
                "shipped": price is None,
                "cold_percent": round(cold, 2),
                "replica_hours": round(cost / 3600, 1),
                "times_busy": round(cost / busy_seconds, 2),
                "keep_alive_of_that_cost_cold_percent": None if fixed is None else round(fixed, 2),
                "under_the_curve": None if fixed is None else cold < fixed,
            }
        )
    return {
        "models": len(traces),
        "requests": sum(map(len, traces.values())),
        "busy_hours": round(busy_seconds / 3600, 1),
        "cold_start_seconds": start_seconds,
        "keep_alive": [
            {"seconds": s, "cold_percent": round(cold, 2), "times_busy": round(cost / busy_seconds, 2)}
            for s, (cold, cost) in zip(_KEEP_ALIVE_SECONDS, curve, strict=True)
        ],
        "homeport": points,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale_to_zero", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--cold-start", type=float, default=22.7, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1, help="of the times that are made up")
    parser.add_argument("--at-most", type=int, metavar="REQUESTS", help="only models that are asked no more often")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    traces = read(arguments.trace) if arguments.trace else made_up(GENAI, arguments.seed)
    if arguments.at_most:
        traces = {model: arrivals for model, arrivals in traces.items() if len(arrivals) <= arguments.at_most}
    if not traces:
        parser.error("--at-most leaves no model")
    told = report(traces, arguments.cold_start)
    print(json.dumps(told) if arguments.json else _table(told))


def _table(told: dict[str, Any]) -> str:
    lines = [f"{told['requests']} requests to {told['models']} models, {told['busy_hours']} busy hours"]
    lines.append(f"{'':<24}{'cold %':>8}{'x busy':>8}{'fixed, same cost':>18}")
    rows = [(f"keep-alive {row['seconds']} s", row["cold_percent"], row["times_busy"]) for row in told["keep_alive"]]
    lines += [f"{name:<24}{cold:>8}{cost:>8}" for name, cold, cost in rows]
    for row in told["homeport"]:
        name = f"price {row['late_price_seconds']:g}{' (shipped)' if row['shipped'] else ''}"
        fixed = row["keep_alive_of_that_cost_cold_percent"]
        lines.append(f"{name:<24}{row['cold_percent']:>8}{row['times_busy']:>8}{fixed if fixed else '':>18}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
