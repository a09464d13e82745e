"""What can be said of scaling, and what is refused with the reason."""

from typing import Any

import pytest
from pydantic import ValidationError

from homeport.core.schedule import ScheduledMin
from homeport.core.targets import MetricTarget, Targets
from homeport.schema.autoscaling import AutoscaleConfig


def scaling(**given: Any) -> AutoscaleConfig:
    return AutoscaleConfig.model_validate({"max_replicas": 8, **given})


def test_targets_become_those_of_the_agent() -> None:
    metric = {"name": "vllm:num_requests_waiting", "target": 5, "aggregate": "max"}
    core = scaling(targets={"cpu_percent": 70, "metrics": [metric], "metrics_port": 9100}).to_core()
    expected = MetricTarget("vllm:num_requests_waiting", 5.0, "max")
    assert core.targets == Targets(cpu_percent=70.0, metrics=(expected,), metrics_port=9100)
    assert scaling().to_core().targets == Targets()


def test_a_schedule_becomes_minutes_of_days() -> None:
    office = {
        "days": ["mon", "fri"],
        "starts": "08:00",
        "ends": "17:30",
        "timezone": "Europe/Berlin",
        "min_replicas": 3,
    }
    cron = {"cron": "* 8-17 * * mon-fri", "min_replicas": 2}
    core = scaling(schedule=[office, cron], soft_min_replicas=1).to_core()
    assert core.schedule == (
        ScheduledMin(3, "Europe/Berlin", (0, 4), 480, 1050),
        ScheduledMin(2, cron="* 8-17 * * mon-fri"),
    )
    assert core.soft_min_replicas == 1
    fixed = scaling(schedule=[office], soft_min_replicas=1, replicas=2).to_core()
    assert (fixed.schedule, fixed.soft_min_replicas, fixed.min_replicas, fixed.max_replicas) == ((), 0, 2, 2)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"schedule": [{"min_replicas": 9}]}, "above max_replicas"),
        ({"schedule": [{"min_replicas": 1, "timezone": "Berlin"}]}, "names look like Europe/Berlin"),
        ({"schedule": [{"min_replicas": 1, "cron": "* * * *"}]}, "minute, hour, day, month, weekday"),
        ({"schedule": [{"min_replicas": 1, "cron": "* * * * *", "days": ["mon"]}]}, "not both"),
        ({"schedule": [{"min_replicas": 1, "starts": "8:00"}]}, "pattern"),
        ({"schedule": [{"min_replicas": 1, "ends": "24:00"}]}, "pattern"),
        ({"schedule": [{"starts": "08:00"}]}, "min_replicas"),
        ({"targets": {"metrics": [{"name": "a b", "target": 1}]}}, "pattern"),
        ({"targets": {"metrics": [{"name": "a", "target": 0}]}}, "greater than"),
        ({"targets": {"metrics": [{"name": "a", "target": 1}, {"name": "a", "target": 2}]}}, "a is a target already"),
        ({"targets": {"metrics": [{"name": "cpu_percent", "target": 1}]}}, "cpu_percent is a target already"),
        ({"targets": {"metrics": [{"name": "a", "target": 1, "aggregate": "p95"}]}}, "aggregate"),
        ({"targets": {"metrics_path": "metrics"}}, "pattern"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        scaling(**given)
