"""Traffic that was, under the scaling of a deployment. Times are seconds of the trace."""

import pytest

from homeport.core.policy import Scaling
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.projection import project, spans

# Two requests an hour apart.
SPARSE = [Arrival(0.5, 2.0), Arrival(3600.5, 2.0)]


def test_a_fixed_count_costs_its_hours_and_starts_once() -> None:
    fixed = project(SPARSE, Scaling(min_replicas=2, max_replicas=2), slots=1, start_seconds=10)
    assert fixed.outcome.starts == 2
    assert fixed.most_replicas == 2
    assert fixed.outcome.replica_seconds == pytest.approx(2 * 3602.5, rel=0.01)
    assert fixed.starts_from_zero == 1


def test_zero_saves_hours_and_costs_waits() -> None:
    scaling = Scaling(min_replicas=0, max_replicas=2, scale_down_delay_seconds=0, scale_to_zero_delay_seconds=60)
    from_zero = project(SPARSE, scaling, slots=1, start_seconds=10)
    assert from_zero.starts_from_zero == 2
    assert from_zero.outcome.late == 2
    assert from_zero.wait_seconds(50) == pytest.approx(10)
    assert from_zero.outcome.replica_seconds < 400


def test_the_bound_of_the_spec_is_kept() -> None:
    crowd = [Arrival(1.0, 30.0) for _ in range(40)]
    projection = project(crowd, Scaling(min_replicas=0, max_replicas=3), slots=4, start_seconds=5)
    assert projection.most_replicas == 3
    assert projection.wait_seconds(99) > 60


def test_spans_tell_requests_and_replicas_over_time() -> None:
    projection = project(SPARSE, Scaling(min_replicas=1, max_replicas=1), slots=1, start_seconds=10)
    parts = spans(projection, SPARSE, 1800)
    assert [part.requests for part in parts] == [1, 0, 1]
    assert [part.most_replicas for part in parts] == [1, 1, 1]
    assert [round(part.mean_replicas, 2) for part in parts] == [1.0, 1.0, 1.0]
    assert (parts[0].begins, parts[-1].ends) == (0, 5400)
