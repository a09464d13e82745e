"""What deciding costs an agent: of the policy for one deployment, and of a second of many.

python -m bench.autoscale.cost [--deployments 500] [--seconds 60] [--json]

Each deployment has a placement and traffic of its own: some steady, some none, all with bursts. `Autoscaler` is the
agent's; its clock is moved by a second at a time, and CPU time is what this process used for it.
"""

import argparse
import json
import logging
import random
import time

import structlog

from agent.placement import DesiredState, Placement, Version
from agent.scaling.autoscaler import Autoscaler
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Policy, Scaling
from homeport.core.workload import Workload

_SERVICE_SECONDS = 3
_SLOTS = 8


class _Traffic:
    """Requests of three seconds each."""

    def __init__(self, per_second: float, rng: random.Random) -> None:
        self._per_second = per_second
        self._rng = rng
        self._latest: list[int] = []
        self.demand = Demand()

    def second(self) -> None:
        burst = 25 if self._rng.random() < 0.01 else 1
        whole, part = divmod(self._per_second * burst, 1)
        came = int(whole) + (self._rng.random() < part)
        self._latest = [*self._latest, came][-_SERVICE_SECONDS:]
        in_flight, arrivals = sum(self._latest), self.demand.arrivals + came
        self.demand = Demand(in_flight, 0, None, arrivals, arrivals - in_flight)


def decision_microseconds(seconds: int, per_second: float) -> float:
    """Of one `Scaler`, mean of so many ticks."""
    traffic, scaler, spent = _Traffic(per_second, random.Random(7)), Scaler(), 0.0
    terms = Terms(Scaling(0, 1000), (0, 1000), _SLOTS)
    for second in range(seconds):
        traffic.second()
        supply = Supply(scaler.replicas, start_seconds=30.0)
        begin = time.process_time()
        scaler.decide(traffic.demand, supply, terms, float(second))
        spent += time.process_time() - begin
    return spent / seconds * 1e6


def percent_of_a_core(deployments: int, seconds: int) -> float:
    rng, now = random.Random(7), [0.0]
    traffics = {f"d{number}": _Traffic(rng.choice((0.0, 0.05, 1.0, 5.0)), rng) for number in range(deployments)}
    wanted: dict[str, int] = {}
    autoscaler = Autoscaler(
        lambda deployment_id: traffics[deployment_id].demand,
        lambda: {key[1:]: Supply(count) for key, count in wanted.items()},
        lambda desired, counts: wanted.update(counts),
        lambda: now[0],
    )
    policy, workload = Policy(Scaling(0, 100)), Workload("process", concurrency=_SLOTS)
    placements = {f"p{id}": Placement(f"p{id}", id, 1, 0, 0, 100, workload, "h", policy) for id in traffics}
    autoscaler.set_desired(DesiredState(Version("s", 1), placements))
    spent = 0.0
    for _ in range(seconds):
        for traffic in traffics.values():
            traffic.second()
        now[0] += 1
        begin = time.process_time()
        autoscaler.look()
        spent += time.process_time() - begin
    return 100 * spent / seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.autoscale.cost", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deployments", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Of what it does, not of what it says.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    report = {
        "decision_microseconds": {
            f"{rate:g} requests/s": round(decision_microseconds(2000, rate), 1) for rate in (0.05, 1.0, 10.0, 100.0)
        },
        "deployments": arguments.deployments,
        "percent_of_a_core": round(percent_of_a_core(arguments.deployments, arguments.seconds), 2),
    }
    if arguments.json:
        print(json.dumps(report))
        return
    for name, microseconds in report["decision_microseconds"].items():
        print(f"one decision at {name:<18}{microseconds:>8} us")
    print(f"{report['deployments']} deployments, a look each second: {report['percent_of_a_core']} % of a core")


if __name__ == "__main__":
    main()
