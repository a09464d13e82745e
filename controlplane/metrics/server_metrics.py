"""The control plane itself."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from homeport.core.histogram import LAG_BOUNDS, Histogram
from homeport.metrics.families import Metric, counter, gauge, histogram, observed


def _lag() -> Histogram:
    return Histogram(LAG_BOUNDS)


@dataclass(slots=True)
class PipelineFacts:
    rounds: Histogram = field(default_factory=_lag)
    failures: int = 0


@dataclass(slots=True)
class ServerFacts:
    """`pipelines` by name; the histograms are seconds."""

    version: str = ""
    store_seq: int = 0
    store_is_well: bool = True
    commits: Histogram = field(default_factory=_lag)
    heartbeats: Histogram = field(default_factory=_lag)
    loop_lag: Histogram = field(default_factory=_lag)
    pipelines: Mapping[str, PipelineFacts] = field(default_factory=dict)


def server_metrics(facts: ServerFacts) -> Iterator[Metric]:
    build = gauge("homeport_build_info", "Always 1.", "version", "python")
    build.add_metric((facts.version, platform.python_version()), 1)
    heartbeats = histogram("homeport_heartbeat_lateness_seconds", "How late agents' heartbeats are.")
    observed(heartbeats, (), facts.heartbeats)
    commits = histogram("homeport_store_commit_seconds", "How long a batch of writes takes until it is on the disk.")
    observed(commits, (), facts.commits)
    seq = counter("homeport_store_writes_total", "The store's sequence number: writes since it was made.")
    seq.add_metric((), facts.store_seq)
    well = gauge("homeport_store_writable", "1 while the store can be written, else 0.")
    well.add_metric((), int(facts.store_is_well))
    rounds = histogram("homeport_pipeline_round_seconds", "How long a round of a pipeline takes.", "pipeline")
    failures = counter("homeport_pipeline_failures_total", "Rounds of a pipeline that failed.", "pipeline")
    for name, pipeline in sorted(facts.pipelines.items()):
        observed(rounds, (name,), pipeline.rounds)
        failures.add_metric((name,), pipeline.failures)
    lag = histogram("homeport_loop_lag_seconds", "How late the control plane's timers are.")
    observed(lag, (), facts.loop_lag)
    yield from (build, heartbeats, commits, seq, well, rounds, failures, lag)
