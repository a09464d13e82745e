import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import model_validator

from homeport.core.policy import Scaling
from homeport.core.schedule import ScheduledMin, matches
from homeport.core.targets import MetricTarget, Targets
from homeport.schema.base import ApiModel, live
from homeport.schema.foreign import packing_switch

_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CONVERTED = {"targets", "schedule", "replicas", "min_replicas", "max_replicas"}


class ScalingMetric(ApiModel):
    """A metric of the model's own page in Prometheus format."""

    name: str = live(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)
    """As on the page: `vllm:num_requests_waiting`, `queue_length`, `requests_total`."""
    target: float = live(ge=1e-9, le=1e15)
    """What one ready replica should be kept at."""
    aggregate: Literal["sum", "average", "max", "rate"] = live(default="sum")
    """How the series of one page become one number; `rate` is how fast their sum grows per second, for counters."""


class ScalingTargets(ApiModel):
    """What each ready replica should be kept at. The one that asks for most replicas decides. Null = not looked at.

    Percentages are of what the replica asked for; of the host where it asked for nothing.
    """

    concurrency: float | None = live(default=None, ge=0.01, le=100_000)
    """Requests at once. Null = as many as the model version takes."""
    requests_per_second: float | None = live(default=None, ge=0.01, le=1_000_000)
    tokens_per_second: float | None = live(default=None, ge=0.01, le=10_000_000)
    """Generated tokens: events of a stream, or `completion_tokens` of an answer."""
    queue_seconds: float | None = live(default=None, ge=0.01, le=3600)
    """How long the oldest request waits for a replica while none is starting."""
    cpu_percent: float | None = live(default=None, ge=1, le=100)
    memory_percent: float | None = live(default=None, ge=1, le=100)
    gpu_percent: float | None = live(default=None, ge=1, le=100)
    """Of its GPUs as wholes, whoever else uses them."""
    gpu_memory_percent: float | None = live(default=None, ge=1, le=100)
    metrics: list[ScalingMetric] = live(default_factory=list, max_length=20)
    metrics_path: str = live(default="/metrics", pattern=r"^/[!-~]*$", max_length=500)
    metrics_port: int | None = live(default=None, ge=1, le=65_535)
    """Of the container, published or not; of the host for a process. Null = where the replica answers requests."""

    @model_validator(mode="after")
    def _names_once(self) -> "ScalingTargets":
        names = [metric.name for metric in self.metrics]
        taken = set(type(self).model_fields) & set(names) or {name for name in names if names.count(name) > 1}
        if taken:
            raise ValueError(f"`metrics`: {min(taken)} is a target already")
        return self

    def to_core(self) -> Targets:
        given = self.model_dump(exclude={"metrics", "metrics_port"})
        metrics = tuple(MetricTarget(**metric.model_dump()) for metric in self.metrics)
        return Targets(**given, metrics=metrics, metrics_port=self.metrics_port or 0)


class ScheduledMinimum(ApiModel):
    """At least so many replicas at certain times: they are ready when these begin."""

    min_replicas: int = live(ge=0, le=10_000)
    timezone: str = live(default="UTC", max_length=100)
    """As in `Europe/Berlin`."""
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = live(default_factory=list, max_length=7)
    """On which they begin; none = on all."""
    starts: str = live(default="00:00", pattern=_TIME)
    ends: str = live(default="00:00", pattern=_TIME)
    """Of the next day where it is not after `starts`."""
    cron: str = live(default="", max_length=200)
    """The minutes in which it holds, instead of the three above: `* 8-17 * * mon-fri`."""

    @model_validator(mode="after")
    def _is_a_time(self) -> "ScheduledMinimum":
        if self.cron:
            if self.days or (self.starts, self.ends) != ("00:00", "00:00"):
                raise ValueError("give `cron`, or `days`, `starts` and `ends`, not both")
            matches(self.cron, datetime(2000, 1, 1))  # noqa: DTZ001 - says whether it is a cron line
        known = _time_zones()
        if known and self.timezone not in known:
            raise ValueError(f"`timezone`: there is no time zone {self.timezone!r}; names look like Europe/Berlin")
        return self

    def to_core(self) -> ScheduledMin:
        return ScheduledMin(
            self.min_replicas,
            self.timezone,
            tuple(_DAYS.index(day) for day in self.days),
            _minute(self.starts),
            _minute(self.ends),
            self.cron,
        )


@cache
def _time_zones() -> frozenset[str]:
    """Empty on a host that has no database of them."""
    return frozenset(zoneinfo.available_timezones())


def _minute(time: str) -> int:
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute)


class AutoscaleConfig(ApiModel):
    """Bounds and delays of the local autoscaler, in seconds."""

    min_replicas: int = live(default=1, ge=0, le=10_000)
    max_replicas: int = live(default=1, ge=0, le=10_000)
    replicas: int | None = live(default=None, ge=0, le=10_000)
    """A fixed count: nothing is scaled, and the bounds are kept for later. Null = the autoscaler decides."""
    soft_min_replicas: int = live(default=0, ge=0, le=10_000)
    """Kept while the nodes have room to spare."""
    schedule: list[ScheduledMinimum] = live(default_factory=list, max_length=50)
    """Minimums at certain times; the highest of those that hold now counts."""
    scale_up_delay_seconds: float = live(default=0.0, ge=0, le=86_400)
    scale_down_delay_seconds: float | None = live(default=None, ge=0, le=86_400)
    """How long a replica that is not needed is kept. Null = for as long as it is worth, learned from the traffic."""
    scale_to_zero_delay_seconds: float | None = live(default=None, ge=0, le=604_800)
    """The same for the last replica, since it was last needed."""
    traffic_history_seconds: float = live(default=300.0, ge=1, le=86_400)
    """The traffic that the expected number of requests is taken from."""
    late_price_seconds: float = live(default=300.0, ge=0, le=86_400)
    """What it is worth that one request need not wait for a start, in seconds of an idle replica: more keeps replicas
    for longer."""
    disable_packing: bool = live(default=False)
    """At most one replica of the deployment on a node."""
    targets: ScalingTargets = live(default_factory=ScalingTargets)

    @model_validator(mode="before")
    @classmethod
    def _read_older_words(cls, given: Any) -> Any:
        return packing_switch(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "AutoscaleConfig":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must not be above max_replicas ({self.max_replicas})")
        highest = max((entry.min_replicas for entry in self.schedule), default=0)
        if highest > self.max_replicas:
            raise ValueError(f"a min_replicas of `schedule` ({highest}) is above max_replicas ({self.max_replicas})")
        return self

    def bounds(self) -> tuple[int, int]:
        """The fewest and the most replicas that there may be now."""
        return (self.min_replicas, self.max_replicas) if self.replicas is None else (self.replicas, self.replicas)

    def to_core(self) -> Scaling:
        low, high = self.bounds()
        kept = self.model_dump(exclude=_CONVERTED)
        if self.replicas is not None:
            kept["soft_min_replicas"] = 0
        return Scaling(
            min_replicas=low,
            max_replicas=high,
            targets=self.targets.to_core(),
            schedule=tuple(entry.to_core() for entry in self.schedule if self.replicas is None),
            **kept,
        )
