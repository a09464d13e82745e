"""The replay engine, with policies whose decisions are known."""

import pytest

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.node import Decide
from homeport.core.replay.replay import Outcome, replay


def always(count: int) -> Decide:
    return lambda demand, supply, now: Decision(count, count, "", "", look_again_at=now + 1)


def scaler(most: int = 100) -> Decide:
    policy, terms = Scaler(), Terms(Scaling(0, most), (0, most), 2)
    return lambda demand, supply, now: policy.decide(demand, supply, terms, now)


def run(trace: list[Arrival], *policies: Decide, most: int = 100) -> Outcome:
    return replay(trace, policies, start_seconds=10, slots=2, max_replicas=most)


def test_one_replica_takes_two_at_a_time_in_the_order_in_which_they_came() -> None:
    """Ready at 10; two run from 20 to 30, the third waits for them."""
    outcome = run([Arrival(20, 10), Arrival(20, 10), Arrival(25, 10)], always(1))
    assert outcome.waits == (0, 0, 5)
    assert (outcome.requests, outcome.late, outcome.starts) == (3, 1, 1)
    assert outcome.replica_seconds == pytest.approx(40)


def test_a_start_is_waited_for_and_billed() -> None:
    outcome = run([Arrival(0, 5)], always(1))
    assert outcome.waits == (10,)
    assert outcome.replica_seconds == pytest.approx(15)


def test_a_replica_that_drains_is_billed_until_it_is_empty() -> None:
    """One from 0, none from 21: its request runs until 50."""
    once = [Arrival(20, 30)]
    outcome = run(once, lambda demand, supply, now: Decision(int(now <= 20), 0, "", "", look_again_at=now + 1))
    assert outcome.replica_seconds == pytest.approx(50)


def test_a_policy_sees_what_has_happened_and_no_more() -> None:
    seen: list[tuple[float, Demand, Supply]] = []

    def watch(demand: Demand, supply: Supply, now: float) -> Decision:
        seen.append((now, demand, supply))
        return Decision(1, 1, "", "", look_again_at=now + 1)

    run([Arrival(20.5, 3), Arrival(20.6, 3), Arrival(20.7, 3)], watch)
    by_time = {now: (demand, supply) for now, demand, supply in seen}
    assert by_time[20][0].arrivals == 0
    assert (by_time[20.7][0].in_flight, by_time[20.7][0].queued, by_time[20.7][0].arrivals) == (2, 1, 3)
    assert by_time[22][0].oldest_wait_seconds == pytest.approx(1.3)
    assert (by_time[24][0].completions, by_time[24][0].queued) == (2, 0)
    assert [by_time[now][1].start_seconds for now in (9, 10)] == [None, 10]


def test_what_one_node_cannot_take_goes_to_the_next() -> None:
    trace = [Arrival(30 + number / 100, 10) for number in range(4)]
    outcome = run(trace, always(1), always(1), most=1)
    assert outcome.waits == (0, 0, 0, 0)
    assert run(trace, always(1), most=1).late == 2


def test_the_policy_serves_a_day_of_rare_requests_and_sleeps_in_between() -> None:
    """One each quarter of an hour for an hour, then five hours of silence, then one more."""
    trace = [Arrival(900.0 * number, 5) for number in range(4)] + [Arrival(21_600, 5)]
    outcome = run(trace, scaler())
    assert outcome.requests == 5
    assert max(outcome.waits) <= 10.05, "the start, ordered at once"
    assert outcome.replica_seconds < 3 * 3600


def test_a_burst_is_served_by_more_and_the_next_one_finds_them() -> None:
    """Twenty requests at once each minute, from 0 to 600."""
    trace = [Arrival(60.0 * minute, 5) for minute in range(10) for _ in range(20)]
    outcome = run(trace, scaler())
    first, last = outcome.waits[:20], outcome.waits[-100:]
    assert sum(wait > 2 for wait in first) == 20
    assert sum(wait > 2 for wait in last) <= 25
